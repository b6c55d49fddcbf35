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
    private readonly LengthReader _lengths = new(file, errors);
    private readonly WindowReader _windows = new(file, errors);

    public DefinitionSet Build() => new(
        [.. Items("streams").Select(Stream)],
        [.. Items("entities").Select(entity => new EntityDefinition(Text(entity, "name"), Texts(entity, "key")) { History = History(entity) })],
        [.. Items("feature_views").Select(View)],
        [.. Items("feature_services").Select(service => new FeatureServiceDefinition(Text(service, "name"), Version(service), Texts(service, "features")))])
    {
        OnDemand = [.. Items("on_demand").Select(OnDemand)],
    };

    /// <summary>A field of the request is a double anyway; saying so says nothing.</summary>
    private static OnDemandDefinition OnDemand(YamlMap onDemand) => new(Text(onDemand, "name"), TypeOf(onDemand["type"]!), Text(onDemand, "expr"))
    {
        Request = onDemand["request"] is YamlMap request ? [.. Fields(request).Where(field => field.Type != FieldType.Double).OrderBy(field => field.Name, StringComparer.Ordinal)] : [],
    };

    /// <summary>Saying what holds anyway says nothing.</summary>
    private Duration? History(YamlMap entity) => _lengths.OrNull(entity, "history") is { } history && history != Catalog.RetentionSlack ? history : null;

    private static StreamDefinition Stream(YamlMap stream) => new(
        Text(stream, "name"),
        Version(stream),
        Text(stream, "event_id"),
        Text(stream, "event_time"),
        Fields((YamlMap)stream["fields"]!));

    private static ImmutableArray<FieldDefinition> Fields(YamlMap fields) => [.. fields.Entries.Select(field => new FieldDefinition(field.Key.Text, TypeOf(field.Value)))];

    private static FieldType TypeOf(YamlNode type) => FieldTypes.Parse(((YamlScalar)type).Text) ?? FieldType.Null;

    private FeatureViewDefinition View(YamlMap view) => new(
        Text(view, "name"),
        Version(view),
        Text(view, "entity"),
        Text(view, "stream"),
        TextOrNull(view, "where"),
        [.. ((YamlList)view["features"]!).Items.Cast<YamlMap>().Select(Feature)])
    {
        AllowedLateness = _lengths.OrNull(view, "allowed_lateness"),
        Ttl = _lengths.OrNull(view, "ttl"),
    };

    private FeatureDefinition Feature(YamlMap feature) => new(
        Text(feature, "name"),
        Text(feature, "aggregate"),
        _windows.Window(feature["window"]!),
        _lengths.OrNull(feature, "delay") ?? Duration.Zero,
        TextOrNull(feature, "where"),
        Default(feature))
    {
        By = TextOrNull(feature, "by"),
        Accuracy = Accuracy(feature["accuracy"] as YamlMap),
    };

    /// <summary>What is not said is as everywhere; saying what holds anyway says nothing.</summary>
    private AccuracyDefinition? Accuracy(YamlMap? map)
    {
        if (map is null)
        {
            return null;
        }

        AccuracyDefinition usual = Catalog.AccuracyDefault;
        var accuracy = new AccuracyDefinition(_lengths.OrNull(map, "exact_for") ?? usual.ExactFor, _lengths.OrNull(map, "hop") ?? usual.Hop);
        return accuracy == usual ? null : accuracy;
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
