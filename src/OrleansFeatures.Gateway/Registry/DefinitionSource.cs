using System.Text;

namespace OrleansFeatures.Gateway.Registry;

/// <summary>One definition file: its name for messages ("fraud.yaml") and its text.</summary>
public sealed record DefinitionSource(string Name, string Text)
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The file whose bytes are <paramref name="bytes"/>; null with an error unless they are UTF-8.</summary>
    public static DefinitionSource? Decode(string name, byte[] bytes, out SourceError? error)
    {
        error = null;
        try
        {
            return new DefinitionSource(name, StrictUtf8.GetString(bytes));
        }
        catch (DecoderFallbackException failure)
        {
            int line = 1 + bytes.AsSpan(0, failure.Index).Count((byte)'\n');
            int column = failure.Index - bytes.AsSpan(0, failure.Index).LastIndexOf((byte)'\n');
            error = new SourceError(name, line, column, "the file is not UTF-8 text", "save it as UTF-8");
            return null;
        }
    }
}

/// <summary>
/// What is wrong, and where: lines and columns count from 1 as editors do. <paramref name="Suggestion"/> says what to write instead and
/// is never empty.
/// </summary>
public sealed record SourceError(string File, int Line, int Column, string Message, string Suggestion)
{
    /// <summary>"fraud.yaml:12:9: unknown key 'widow': did you mean 'window'?", the form that editors and terminals make clickable.</summary>
    public override string ToString() => $"{File}:{Line}:{Column}: {Message}: {Suggestion}";
}
