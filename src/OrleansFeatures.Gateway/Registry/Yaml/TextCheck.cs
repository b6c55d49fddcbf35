namespace OrleansFeatures.Gateway.Registry.Yaml;

/// <summary>
/// What must be looked at before a YAML scanner sees the text: it takes a NUL for the end of the file and would silently drop the
/// rest, and what it says about tabs does not name their line.
/// </summary>
internal static class TextCheck
{
    public static SourceError? Find(string file, string text)
    {
        if (text.Length > Limits.DefinitionFileCharsMax)
        {
            return new SourceError(file, 1, 1, $"the file is longer than {Limits.DefinitionFileCharsMax} characters", "split it into several files");
        }

        int line = 1;
        int lineStart = 0;
        bool indenting = true;
        for (int at = 0; at < text.Length; at++)
        {
            char c = text[at];
            if (c == '\n')
            {
                (line, lineStart, indenting) = (line + 1, at + 1, true);
            }
            else if (c == '\t' && indenting && !IsBlank(text, at))
            {
                return new SourceError(file, line, at - lineStart + 1, "a tab indents this line", "YAML is indented with spaces only");
            }
            else if (IsForbidden(text, at))
            {
                return new SourceError(file, line, at - lineStart + 1, $"the character U+{(int)c:X4} is not text", "delete it; in a quoted text write it as an escape");
            }

            indenting &= c is ' ' or '\t' or '\n' or '\r';
        }

        return null;
    }

    private static bool IsBlank(string text, int at)
    {
        int end = text.IndexOf('\n', at);
        return text.AsSpan(at, (end < 0 ? text.Length : end) - at).IsWhiteSpace();
    }

    private static bool IsForbidden(string text, int at)
    {
        char c = text[at];
        if (char.IsSurrogate(c))
        {
            bool paired = char.IsHighSurrogate(c)
                ? at + 1 < text.Length && char.IsLowSurrogate(text[at + 1])
                : at > 0 && char.IsHighSurrogate(text[at - 1]);
            return !paired;
        }

        return char.IsControl(c) && c is not ('\t' or '\n' or '\r' or '\u0085');
    }
}
