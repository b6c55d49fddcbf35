using YamlDotNet.Core;

namespace OrleansFeatures.Gateway.Registry.Yaml;

/// <summary>Says what a data scientist should do about what the YAML parser could not read.</summary>
internal static class SyntaxErrors
{
    private static readonly (string Sign, string Suggestion)[] Suggestions =
    [
        ("tab", "YAML is indented with spaces only"),
        ("unexpected end of stream", "close the quote"),
        ("wrong indentation", "close the quote, or indent the lines that continue the text"),
        ("unknown escape", "between double quotes a backslash is written \\\\; between single quotes it needs none"),
        ("',' or ']'", "close the list with ], or put a comma between its items"),
        ("',' or '}'", "close the map with }, or put a comma between its entries"),
        ("cannot start any token", "quote text that begins with @ or `"),
        ("invalid mapping", "check the indentation of this line; quote text that contains ': '"),
        ("expected key", "check the indentation of this line; quote the whole text if it begins with a quote: where: \"'CHF' == currency\""),
        ("node content", "a value is missing before this place, or there is a bracket or comma too many"),
        ("<document end>", "there is a bracket too many, or the indentation changes in the middle"),
        ("incompatible", "delete the %YAML line"),
    ];

    public static SourceError Explain(string file, YamlException failure, string text)
    {
        string reason = failure.Message.TrimEnd('.');
        string suggestion = Suggestions.FirstOrDefault(pair => reason.Contains(pair.Sign, StringComparison.Ordinal)).Suggestion ?? "check the indentation, quotes and brackets near this place";

        // The end of the file counts as a line of its own for the parser; an editor shows the last one that exists.
        int lines = 1 + text.TrimEnd('\n').AsSpan().Count('\n');
        bool beyond = failure.Start.Line > lines;
        int column = beyond ? text.TrimEnd('\n').Length - text.TrimEnd('\n').LastIndexOf('\n') : (int)failure.Start.Column;
        return new SourceError(file, (int)Math.Clamp(failure.Start.Line, 1, lines), Math.Max(1, column), $"this is not YAML: {char.ToLowerInvariant(reason[0])}{reason[1..]}", suggestion);
    }
}
