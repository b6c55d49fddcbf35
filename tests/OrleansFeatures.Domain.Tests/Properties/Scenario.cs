using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Domain.Tests.Properties;

/// <summary>One event as it comes: the operation, when, and the fields by position (id, time, key, amount, units, ok, tag, at).</summary>
internal sealed record Step(EventOperation Operation, long Arrival, Value[] Fields)
{
    public const int Id = 0;
    public const int Time = 1;
    public const int Key = 2;

    public long Micros => Fields[Time].Bits;

    public EventId EventId => Fields[Id].Type == FieldType.String ? EventId.Of(Fields[Id].Text) : EventId.Of(Fields[Id].Int64);

    public override string ToString() => $"{Operation} @{Arrival} {string.Join('|', Fields.Select(field => field.Type == FieldType.Timestamp ? $"t{field.Bits}" : field.ToString()))}";
}

/// <summary>Definitions, what came, and where to read.</summary>
internal sealed record Scenario(ScenarioShape Shape, FeatureViewDefinition[] Views, Step[] Steps, int ReadSeed)
{
    public const string Stream = "s";
    public const string Entity = "e";
    public static readonly string[] Keys = ["a", "b"];
    public static readonly string[] Fields = ["id", "time", "key", "amount", "units", "ok", "tag", "at"];

    /// <summary>Filters in both languages: of definitions, and of the oracle.</summary>
    public static readonly IReadOnlyDictionary<string, Func<IReadOnlyDictionary<string, Value>, bool>> Filters = new Dictionary<string, Func<IReadOnlyDictionary<string, Value>, bool>>
    {
        ["amount > 10.0"] = fields => !fields["amount"].IsNull && fields["amount"].Double > 10,
        ["units >= 0"] = fields => !fields["units"].IsNull && fields["units"].Int64 >= 0,
        ["tag == 'red'"] = fields => fields["tag"] == Value.Of("red"),
        ["ok"] = fields => fields["ok"] == Value.Of(true),
    };

    public IEnumerable<Scenario> Shrink()
    {
        IEnumerable<FeatureViewDefinition[]> fewer = Property.Shorter(Views).Where(views => views.Length > 0);
        IEnumerable<FeatureViewDefinition[]> smaller = Views.SelectMany((view, index) => Property.Shorter([.. view.Features]).Where(list => list.Length > 0)
            .Select(list => (FeatureViewDefinition[])[.. Views[..index], view with { Features = [.. list] }, .. Views[(index + 1)..]]));
        return Property.Shorter(Steps).Where(steps => steps.Length > 0).Select(steps => this with { Steps = steps }).Concat(fewer.Concat(smaller).Select(views => this with { Views = views }));
    }

    public Catalog Compile()
    {
        FieldType[] types = [Shape.Ids, FieldType.Timestamp, FieldType.String, FieldType.Double, FieldType.Int64, FieldType.Bool, FieldType.String, FieldType.Timestamp];
        var stream = new StreamDefinition(Stream, 1, "id", "time", [.. Fields.Zip(types, (name, type) => new FieldDefinition(name, type))]);
        Catalog? catalog = Catalog.Compile(new DefinitionSet([stream], [new EntityDefinition(Entity, ["key"])], [.. Views], []), out var problems);
        problems.ShouldBeEmpty();
        return catalog!;
    }

    public override string ToString() =>
        $"{Shape}, reads {ReadSeed}\n{string.Join('\n', Views.SelectMany(view => view.Features.Select(feature => $"  {view.Name} [{view.Where}, late {view.AllowedLateness}] {feature.Aggregate} over {feature.Window} delay {feature.Delay} where {feature.Where} by {feature.By}")))}\n{string.Join('\n', Steps.Take(60).Select(step => $"  {step}"))}\n  ({Steps.Length} steps)";
}

/// <summary>How a scenario's events are spread and what they are made of.</summary>
/// <param name="Ids">The type of event ids.</param>
/// <param name="Unit">Event times are multiples of so many microseconds.</param>
/// <param name="Pause">The average pause between events.</param>
/// <param name="IsExtreme">Whether values and ids reach the ends of their types.</param>
/// <param name="Count">How many events.</param>
/// <param name="CorrectionShare">Of a hundred events so many are corrections.</param>
/// <param name="LateShare">Of a hundred events so many are late.</param>
internal sealed record ScenarioShape(FieldType Ids, long Unit, long Pause, bool IsExtreme, int Count, int CorrectionShare, int LateShare);
