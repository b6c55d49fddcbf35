using System.Globalization;
using System.Text.RegularExpressions;
using Newtonsoft.Json.Linq;

namespace OrleansFeatures.Gateway.Registry.Yaml;

/// <summary>
/// A YAML tree as JSON for the schema, with each path's node. Plain scalars have the types of YAML 1.2's core schema (so "no" and "on"
/// are text); infinities and not-a-number, which JSON lacks, stay text.
/// </summary>
internal sealed partial class YamlJson
{
    private readonly Dictionary<string, YamlNode> _nodes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, YamlScalar> _keys = new(StringComparer.Ordinal);

    public YamlJson(YamlNode root) => Root = Convert(root, "");

    public JToken Root { get; }

    /// <summary>The value at a path such as <c>streams[0].fields.amount</c>, or of the nearest place above that exists.</summary>
    public YamlNode NodeAt(string path)
    {
        YamlNode? node;
        while (!_nodes.TryGetValue(path, out node))
        {
            path = path[..Math.Max(0, path.LastIndexOfAny(['.', '[']))];
        }

        return node;
    }

    /// <summary>The key that leads to a path; null for list items and the root.</summary>
    public YamlScalar? KeyAt(string path) => _keys.GetValueOrDefault(path);

    /// <summary>The scalar's value: null, bool, long, double or string.</summary>
    public static object? Resolve(YamlScalar scalar)
    {
        string text = scalar.Text;
        if (!scalar.IsPlain)
        {
            return text;
        }

        switch (text)
        {
            case "" or "~" or "null" or "Null" or "NULL":
                return null;
            case "true" or "True" or "TRUE":
                return true;
            case "false" or "False" or "FALSE":
                return false;
        }

        if (IntegerPattern().IsMatch(text) && long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long integer))
        {
            return integer;
        }

        if (text.StartsWith("0x", StringComparison.Ordinal) && text.Length <= 17 && long.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out long hex))
        {
            return hex;
        }

        return NumberPattern().IsMatch(text) && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && double.IsFinite(number)
            ? number
            : text;
    }

    private JToken Convert(YamlNode node, string path)
    {
        _nodes[path] = node;
        switch (node)
        {
            case YamlMap map:
                var converted = new JObject();
                foreach (YamlEntry entry in map.Entries)
                {
                    string inner = path.Length == 0 ? entry.Key.Text : $"{path}.{entry.Key.Text}";
                    _keys[inner] = entry.Key;
                    converted[entry.Key.Text] = Convert(entry.Value, inner);
                }

                return converted;
            case YamlList list:
                return new JArray(list.Items.Select((item, index) => Convert(item, $"{path}[{index}]")));
            default:
                return Resolve((YamlScalar)node) is { } value ? new JValue(value) : JValue.CreateNull();
        }
    }

    [GeneratedRegex("^[-+]?[0-9]+$")]
    private static partial Regex IntegerPattern();

    [GeneratedRegex("^[-+]?(\\.[0-9]+|[0-9]+(\\.[0-9]*)?)([eE][-+]?[0-9]+)?$")]
    private static partial Regex NumberPattern();
}
