using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Gateway.Registry.Yaml;

namespace OrleansFeatures.Gateway.Registry;

/// <summary>
/// What stands after <c>window:</c>. The schema has checked each key and its value; which keys go together is checked here, because a schema that says it
/// can only answer that none of its alternatives fits.
/// </summary>
internal sealed class WindowReader(string file, List<SourceError> errors)
{
    private static readonly string[] Kinds = ["tumbling", "session", "last"];

    private readonly LengthReader _lengths = new(file, errors);

    /// <summary>Whatever is wrong is reported; the window is then of no use.</summary>
    public WindowDefinition Window(YamlNode node)
    {
        if (node is not YamlMap map)
        {
            var text = (YamlScalar)node;
            return text.Text == "lifetime" ? WindowDefinition.Lifetime : WindowDefinition.Sliding(_lengths.Of(text, "window"));
        }

        YamlEntry[] kinds = [.. map.Entries.Where(entry => Kinds.Contains(entry.Key.Text))];
        if (kinds.Length != 1)
        {
            (YamlNode place, string found) = kinds.Length == 0 ? (map, "none of them") : ((YamlNode)kinds[1].Key, string.Join(" and ", kinds.Select(kind => $"'{kind.Key.Text}'")));
            Report(place, $"a window is one of 'tumbling', 'session' and 'last', found {found}", kinds.Length == 0 ? "add for example tumbling: 1d" : "keep one, and define another feature for the other");
            return WindowDefinition.Lifetime;
        }

        Belongs(map, "time_zone", "tumbling");
        Belongs(map, "max", "session");
        return kinds[0].Key.Text switch
        {
            "tumbling" => Tumbling((YamlScalar)kinds[0].Value, map["time_zone"] as YamlScalar),
            "session" => WindowDefinition.Session(_lengths.Of((YamlScalar)kinds[0].Value, "session"), _lengths.OrNull(map, "max")),
            _ => WindowDefinition.Last(YamlJson.Resolve((YamlScalar)kinds[0].Value) is long events ? (int)events : 0),
        };
    }

    private WindowDefinition Tumbling(YamlScalar length, YamlScalar? zone)
    {
        string timeZone = zone?.Text ?? "UTC";
        return length.Text switch
        {
            "week" => WindowDefinition.Tumbling(CalendarUnit.Week, timeZone),
            "month" => WindowDefinition.Tumbling(CalendarUnit.Month, timeZone),
            _ => WindowDefinition.Tumbling(_lengths.Of(length, "tumbling"), timeZone),
        };
    }

    private void Belongs(YamlMap map, string key, string kind)
    {
        if (map.Find(key) is { } entry && map[kind] is null)
        {
            Report(entry.Key, $"'{key}' goes with '{kind}'", $"delete it, or write {kind}: …");
        }
    }

    private void Report(YamlNode node, string message, string suggestion) => errors.Add(new SourceError(file, node.Place.Line, node.Place.Column, message, suggestion));
}
