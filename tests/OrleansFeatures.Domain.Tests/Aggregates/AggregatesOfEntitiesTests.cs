using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Domain.Tests.Windows;

namespace OrleansFeatures.Domain.Tests.Aggregates;

/// <summary>Every aggregate as an entity answers it, from events through chunks to values, plain, filtered, and by category, against the naive oracle.</summary>
public sealed class AggregatesOfEntitiesTests
{
    private static readonly (WindowDefinition Window, Duration Delay)[] Windows =
    [
        (new Duration(10 * Column.Second), Duration.Zero), (new Duration(60 * Column.Second), new Duration(7 * Column.Second)), (new Duration(3_600 * Column.Second), Duration.Zero),
    ];

    public static TheoryData<FieldType, FieldType, int> Cases()
    {
        var cases = new TheoryData<FieldType, FieldType, int>();
        FieldType[] types = [FieldType.Int64, FieldType.Double, FieldType.String, FieldType.Bool, FieldType.Timestamp];
        for (int seed = 1; seed <= 15; seed++)
        {
            cases.Add(types[seed % 5], types[seed / 5 % 5], seed);
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Every_aggregate_of_an_entity_reads_as_the_naive_oracle_does(FieldType type, FieldType categoryType, int seed)
    {
        var random = new Random(seed);
        Catalog catalog = CatalogOf(type, categoryType);
        var feed = new EventFeed(catalog);
        var rows = new List<NaiveRow>();
        long time = 1_000_000 * Column.Second;
        for (int index = 0; index < 700; index++)
        {
            time += random.Next(500_000);
            long eventTime = random.Next(4) == 0 ? time - random.Next(30_000_000) : time;
            var row = new NaiveRow(eventTime, RandomValue(random, type, 40), RandomValue(random, categoryType, 5));
            feed.Push("s", Value.Of((long)index), Value.Of(new EventTime(eventTime)), Value.Of("k"), row.Value, row.Category, Value.Of(index % 3 == 0));
            rows.Add(row);
        }

        Selection all = catalog.AllOf("e")!;
        foreach (long asOf in (long[])[time, time - (20 * Column.Second), rows[random.Next(rows.Count)].Time])
        {
            FeatureValue[] values = feed.Read(all, new EventTime(asOf), Value.Of("k"));
            for (int index = 0; index < values.Length; index++)
            {
                FeaturePlan feature = all.Features[index];
                long through = asOf - feature.Window.Delay.Micros;
                var span = new WindowSpan(asOf, through - feature.Window.Window.Width.Micros, through);
                object? expected = Expected(feature, rows, span);
                AggregateOracleTests.Same(values[index], expected).ShouldBeTrue(
                    $"seed {seed}, {feature.Reference} = {feature.Aggregate.Name} of {type} by {categoryType} over {feature.Window.Window} as of {asOf}: {AggregateOracleTests.Show(values[index])}, the oracle says {AggregateOracleTests.Show(expected)}");
            }
        }
    }

    /// <summary>Ids ascend with arrival, so a stable sort by time is the order of (time, id).</summary>
    private static object? Expected(FeaturePlan feature, List<NaiveRow> rows, WindowSpan span)
    {
        List<NaiveRow> window = [.. rows.Where((row, id) => row.Time > span.After && row.Time <= span.Through && (feature.View == "all" || id % 3 == 0)).OrderBy(row => row.Time)];
        return feature.By < 0 ? NaiveOracle.Compute(feature.Aggregate, window, span) : NaiveOracle.ComputeBy(feature.Aggregate, window, span);
    }

    private static Catalog CatalogOf(FieldType type, FieldType categoryType)
    {
        string[] aggregates = [.. AggregateOracleTests.Spellings.Where(text => Column.Call(text).ResultType(type) is not null)];
        FeatureDefinition[] features = [.. Windows.SelectMany((window, w) => aggregates.SelectMany((text, a) => FeaturesOf(text, $"f{w}_{a}", window.Window, window.Delay)))];
        var definitions = new DefinitionSet(
            [new StreamDefinition("s", 1, "id", "time", [new("id", FieldType.Int64), new("time", FieldType.Timestamp), new("key", FieldType.String), new("x", type), new("category", categoryType), new("third", FieldType.Bool)])],
            [new EntityDefinition("e", ["key"])],
            [new FeatureViewDefinition("all", 1, "e", "s", null, [.. features]), new FeatureViewDefinition("third", 1, "e", "s", "third", [.. features])],
            []);
        Catalog? catalog = Catalog.Compile(definitions, out var problems);
        problems.ShouldBeEmpty();
        return catalog!;
    }

    private static IEnumerable<FeatureDefinition> FeaturesOf(string text, string name, WindowDefinition window, Duration delay)
    {
        var feature = new FeatureDefinition(name, text, window, delay, null, Value.Null);
        return Column.Call(text).Shape == FeatureShape.Scalar ? [feature, feature with { Name = $"{name}_by", By = "category" }] : [feature];
    }

    private static Value RandomValue(Random random, FieldType type, int different) => random.Next(10) == 0 ? Value.Null : type switch
    {
        FieldType.Int64 => Value.Of((long)random.Next(different) - 10),
        FieldType.Double => Value.Of((random.Next(different) - 10) / 4.0),
        FieldType.Bool => Value.Of(random.Next(2) == 0),
        FieldType.String => Value.Of((random.Next(2) == 0 ? "\uFF5E" : "\U0001F600") + random.Next(different)),
        _ => Value.Of(new EventTime(random.Next(different) * Column.Second)),
    };
}
