using OrleansFeatures.Gateway.Registry.Yaml;

namespace OrleansFeatures.Gateway.Registry;

/// <summary>What to say about a window that is none of the five kinds.</summary>
internal static class WindowFindings
{
    private static readonly Dictionary<string, string> Lengths = new(StringComparer.OrdinalIgnoreCase)
    {
        ["minute"] = "1m", ["hour"] = "1h", ["hourly"] = "1h", ["day"] = "1d", ["daily"] = "1d", ["today"] = "1d",
        ["week"] = "week", ["1week"] = "week", ["1w"] = "week", ["weekly"] = "week", ["weeks"] = "week",
        ["month"] = "month", ["1month"] = "month", ["monthly"] = "month", ["months"] = "month",
    };

    /// <summary>The value of <c>window</c> is neither a duration, nor lifetime, nor a map.</summary>
    public static (string Message, string Suggestion) Explain(YamlNode node)
    {
        if (node is not YamlScalar { Text.Length: > 0 } scalar)
        {
            return ($"'window' cannot be {node.Described}", "write a duration such as 7d, lifetime, or one of {tumbling: 1d}, {session: 30m}, {last: 100}");
        }

        if (YamlJson.Resolve(scalar) is not string text)
        {
            return ($"'window' must be text, found {node.Described}", "add a unit, for example 7d");
        }

        string message = $"{node.Described} is not a duration";
        return Lengths.TryGetValue(text, out string? length) && !char.IsAsciiDigit(text[0])
            ? (message, $"write {{tumbling: {length}}} for the calendar's, or a duration such as 7d")
            : (message, text.Any(char.IsAsciiDigit)
                ? "write a whole number and one of ms s m h d, for example 7d"
                : "write a duration such as 7d, lifetime, or one of {tumbling: 1d}, {session: 30m}, {last: 100}");
    }

    /// <summary>The value of <c>tumbling</c> is no length of a calendar window.</summary>
    public static (string Message, string Suggestion) ExplainLength(YamlNode node)
    {
        string near = node is YamlScalar scalar && Lengths.TryGetValue(scalar.Text, out string? length) ? $"did you mean '{length}'?" : "write a duration such as 1h or 1d, week or month";
        return ($"{node.Described} is not the length of a calendar window", near);
    }
}
