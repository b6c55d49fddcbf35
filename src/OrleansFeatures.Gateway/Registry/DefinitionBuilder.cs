using System.Collections.Immutable;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Gateway.Registry.Yaml;

namespace OrleansFeatures.Gateway.Registry;

/// <summary>
/// Makes definitions of one file's tree. The schema has been checked: keys that it requires are there and have its types. What it
/// cannot say, such as the greatest duration, is checked here.
/// </summary>
internal sealed class DefinitionBuilder(string file, YamlMap root, List<SourceError> errors)
{
    public DefinitionSet Build() => new(
        [.. Items("streams").Select(Stream)],
        [.. Items("entities").Select(entity => new EntityDefinition(Text(entity, "name"), Texts(entity, "key")))],
        [.. Items("feature_views").Select(View)],
        [.. Items("feature_services").Select(service => new FeatureServiceDefinition(Text(service, "name"), Version(service), Texts(service, "features")))]);

    private static StreamDefinition Stream(YamlMap stream) => new(
        Text(stream, "name"),
        Version(stream),
        Text(stream, "event_id"),
        Text(stream, "event_time"),
        [.. ((YamlMap)stream["fields"]!).Entries.Select(field => new FieldDefinition(field.Key.Text, FieldTypes.Parse(((YamlScalar)field.Value).Text) ?? FieldType.Null))]);

    private FeatureViewDefinition View(YamlMap view) => new(
        Text(view, "name"),
        Version(view),
        Text(view, "entity"),
        Text(view, "stream"),
        TextOrNull(view, "where"),
        [.. ((YamlList)view["features"]!).Items.Cast<YamlMap>().Select(Feature)]);

    private FeatureDefinition Feature(YamlMap feature) => new(
        Text(feature, "name"),
        Text(feature, "aggregate"),
        Length(feature, "window"),
        Length(feature, "delay"),
        TextOrNull(feature, "where"),
        Default(feature));

    private Duration Length(YamlMap feature, string key)
    {
        if (feature[key] is not YamlScalar scalar)
        {
            return Duration.Zero;
        }

        if (!Duration.TryParse(scalar.Text, out Duration duration))
        {
            string longest = new Duration(Domain.Limits.WindowReachMaxMicros).ToString();
            errors.Add(new SourceError(file, scalar.Place.Line, scalar.Place.Column, $"'{scalar.Text}' is too long for '{key}'", $"at most {longest}"));
        }

        return duration;
    }

    private static Value Default(YamlMap feature) => feature["default"] is YamlScalar scalar
        ? YamlJson.Resolve(scalar) switch
        {
            bool flag => Value.Of(flag),
            long integer => Value.Of(integer),
            double number => Value.Of(number),
            string text => Value.Of(text),
            _ => Value.Null,
        }
        : Value.Null;

    private IEnumerable<YamlMap> Items(string key) => root[key] is YamlList list ? list.Items.Cast<YamlMap>() : [];

    private static int Version(YamlMap map) => map["version"] is YamlScalar scalar && YamlJson.Resolve(scalar) is long version ? (int)version : 1;

    private static string Text(YamlMap map, string key) => ((YamlScalar)map[key]!).Text;

    private static string? TextOrNull(YamlMap map, string key) => (map[key] as YamlScalar)?.Text;

    private static ImmutableArray<string> Texts(YamlMap map, string key) => [.. ((YamlList)map[key]!).Items.Select(item => ((YamlScalar)item).Text)];
}
