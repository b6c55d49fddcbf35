using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Domain.Windows;

namespace OrleansFeatures.Domain.Tests.Windows;

/// <summary>Seeded random streams through the real timeline and the naive oracle: every aggregate, every field type, every instant that matters.</summary>
public sealed class WindowOracleTests
{
    private const long Second = 1_000_000;

    private static readonly (Duration Width, Duration Delay)[] Windows =
    [
        (new Duration(1 * Second), Duration.Zero), (new Duration(10 * Second), Duration.Zero), (new Duration(60 * Second), Duration.Zero),
        (new Duration(20 * Second), new Duration(7 * Second)), (new Duration(600 * Second), Duration.Zero),
    ];

    private static readonly string[] Numeric =
    [
        "count", "count(F)", "sum(F)", "mean(F)", "min(F)", "max(F)", "var_pop(F)", "var_samp(F)", "stddev_pop(F)", "stddev_samp(F)", "first(F)", "last(F)",
        "first_n(F, 3)", "last_n(F, 5)", "distinct_count(F)", "percentile(F, 0.95)", "percentile(F, 0)", "percentile(F, 1)", "percentile_disc(F, 0.95)",
        "percentile_disc(F, 0.5)", "percentile_disc(F, 0)", "median(F)",
    ];

    private static readonly string[] Ordered =
    [
        "count(F)", "min(F)", "max(F)", "first(F)", "last(F)", "first_n(F, 3)", "last_n(F, 5)", "distinct_count(F)",
    ];

    public static TheoryData<FieldType, FieldType, int> Cases()
    {
        var cases = new TheoryData<FieldType, FieldType, int>();
        foreach (FieldType field in (FieldType[])[FieldType.Double, FieldType.Int64, FieldType.Bool, FieldType.String, FieldType.Timestamp])
        {
            for (int seed = 1; seed <= 12; seed++)
            {
                cases.Add(field, seed % 2 == 0 ? FieldType.Int64 : FieldType.String, seed);
            }
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Any_arrival_order_with_duplicates_and_ties_reads_as_the_naive_oracle_does(FieldType fieldType, FieldType idType, int seed)
    {
        var random = new Random(seed);
        string[] aggregates = fieldType is FieldType.Double or FieldType.Int64 ? Numeric : Ordered;
        Catalog catalog = CatalogOf(fieldType, idType, aggregates, where: null);
        var feed = new EventFeed(catalog);
        var oracle = new NaiveOracle();
        var times = new List<long>();
        foreach ((long time, EventId id, Value value) in Events(random, fieldType, idType))
        {
            ApplyResult result = feed.Push("s", IdValue(id), Value.Of(new EventTime(time)), Value.Of("k"), value);
            result.ShouldBe(times.Contains(time) && result == ApplyResult.Duplicate ? ApplyResult.Duplicate : ApplyResult.Applied);
            oracle.Add(time, id, value);
            times.Add(time);
            if (random.Next(200) == 0)
            {
                Compare(catalog, feed, oracle, Instants(random, times), $"seed {seed}, {fieldType} field, {idType} id");
            }
        }

        Compare(catalog, feed, oracle, Instants(random, times), $"seed {seed}, {fieldType} field, {idType} id, at the end");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_filter_reads_as_if_the_other_events_had_never_come(int seed)
    {
        var random = new Random(seed);
        Catalog catalog = CatalogOf(FieldType.Double, FieldType.Int64, Numeric, where: "value > 10.0");
        var feed = new EventFeed(catalog);
        var oracle = new NaiveOracle();
        var times = new List<long>();
        foreach ((long time, EventId id, Value value) in Events(random, FieldType.Double, FieldType.Int64))
        {
            feed.Push("s", IdValue(id), Value.Of(new EventTime(time)), Value.Of("k"), value);
            oracle.Add(time, id, value);
            times.Add(time);
        }

        Compare(catalog, feed, oracle, Instants(random, times), $"seed {seed}", value => !value.IsNull && value.Double > 10);
    }

    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    public void Every_arrival_order_gives_the_same_bits(int seed)
    {
        var random = new Random(seed);
        Catalog catalog = CatalogOf(FieldType.Double, FieldType.Int64, Numeric, where: null);
        var events = Events(random, FieldType.Double, FieldType.Int64).ToArray();
        long[] instants = [.. Instants(random, [.. events.Select(e => e.Time)])];
        string? first = null;
        for (int order = 0; order < 5; order++)
        {
            var feed = new EventFeed(catalog);
            foreach ((long time, EventId id, Value value) in events)
            {
                feed.Push("s", IdValue(id), Value.Of(new EventTime(time)), Value.Of("k"), value);
            }

            string bits = string.Join("\n", instants.Select(asOf => string.Join(",", catalog.AllOf("e")!.Features.Zip(feed.Read(catalog.AllOf("e")!, new EventTime(asOf), Value.Of("k")), Bits))));
            first ??= bits;
            bits.ShouldBe(first, $"seed {seed}, order {order}");
            random.Shuffle(events);
        }
    }

    [Fact]
    public void A_result_beyond_the_largest_double_is_invalid_and_leaves_its_neighbours_alone()
    {
        Catalog catalog = CatalogOf(FieldType.Double, FieldType.Int64, Numeric, where: null);
        var feed = new EventFeed(catalog);
        feed.Push("s", Value.Of(1L), Value.Of(new EventTime(Second)), Value.Of("k"), Value.Of(double.MaxValue));
        feed.Push("s", Value.Of(2L), Value.Of(new EventTime(Second)), Value.Of("k"), Value.Of(double.MaxValue));

        Dictionary<string, FeatureValue> values = feed.Read("e", new EventTime(Second), Value.Of("k"));
        FeatureValue Of(string aggregate) => values[$"v:f0_{Numeric.IndexOf(aggregate)}"];
        Of("sum(F)").ShouldBe(FeatureValue.Invalid);
        Of("mean(F)").ShouldBe(FeatureValue.Invalid);
        Of("stddev_pop(F)").Scalar.ShouldBe(Value.Of(0.0));
        Of("max(F)").Scalar.ShouldBe(Value.Of(double.MaxValue));
        Of("median(F)").Scalar.ShouldBe(Value.Of(double.MaxValue));
    }

    /// <summary>
    /// The bits of a value. Moments depend on how the events fell into chunks, at the last bits only: of these, ten digits.
    /// </summary>
    private static string Bits(FeaturePlan feature, FeatureValue value) => feature.Aggregate.NeedsMoments
        ? $"{value.Status}:{value.Scalar.Double:E9}"
        : $"{value.Status}:{value.Scalar.Bits}:{value.Scalar.Text}:{string.Join(";", (value.List ?? []).Select(element => element.Bits))}";

    /// <summary>A few hundred events within two minutes, a third of them late, a fifth repeated, many sharing a time.</summary>
    private static IEnumerable<(long Time, EventId Id, Value Value)> Events(Random random, FieldType fieldType, FieldType idType)
    {
        var sent = new List<(long, EventId, Value)>();
        int count = random.Next(50, 500);
        long clock = 1_000_000 * Second;
        for (int index = 0; index < count; index++)
        {
            clock += random.Next(3) == 0 ? 0 : random.Next(400_000);
            long time = random.Next(3) == 0 ? clock - (random.Next(60) * Second) : clock;
            EventId id = idType == FieldType.Int64 ? EventId.Of((long)(index * 7919 % 1000) - 300) : EventId.Of(TextId(index));
            var item = (time, id, random.Next(12) == 0 ? Value.Null : RandomValue(random, fieldType));
            sent.Add(item);
            yield return item;
            if (random.Next(5) == 0)
            {
                yield return sent[random.Next(sent.Count)];
            }
        }
    }

    /// <summary>Ids whose UTF-8 order differs from their UTF-16 order.</summary>
    private static string TextId(int index) => (index % 3) switch { 0 => $"\uFF5E{index}", 1 => $"\U0001F600{index}", _ => $"{index}" };

    private static Value RandomValue(Random random, FieldType type) => type switch
    {
        FieldType.Double => Value.Of(Math.Round((random.NextDouble() * 100) - 20, 2)),
        FieldType.Int64 => Value.Of((long)random.Next(-50, 50)),
        FieldType.Bool => Value.Of(random.Next(2) == 0),
        FieldType.String => Value.Of(TextId(random.Next(9))),
        _ => Value.Of(new EventTime(random.Next(1000) * Second)),
    };

    private static Value IdValue(EventId id) => id.Text is null ? Value.Of(id.Number) : Value.Of(id.Text);

    /// <summary>The instants at which windows change: at an event, just before it, and where it enters or leaves each window.</summary>
    private static IEnumerable<long> Instants(Random random, List<long> times)
    {
        for (int probe = 0; probe < 4; probe++)
        {
            long time = times[random.Next(times.Count)];
            (Duration width, Duration delay) = Windows[random.Next(Windows.Length)];
            foreach (long asOf in (long[])[time, time - 1, time + delay.Micros, time + delay.Micros + width.Micros, time + delay.Micros + width.Micros - 1])
            {
                yield return asOf;
            }
        }
    }

    private static Catalog CatalogOf(FieldType fieldType, FieldType idType, string[] aggregates, string? where)
    {
        var features = Windows.SelectMany((window, w) => aggregates.Select((aggregate, a) =>
            new FeatureDefinition($"f{w}_{a}", aggregate.Replace("F", "value", StringComparison.Ordinal), window.Width, window.Delay, null, Value.Null)));
        var definitions = new DefinitionSet(
            [new StreamDefinition("s", 1, "id", "time", [new("id", idType), new("time", FieldType.Timestamp), new("key", FieldType.String), new("value", fieldType)])],
            [new EntityDefinition("e", ["key"])],
            [new FeatureViewDefinition("v", 1, "e", "s", where, [.. features])],
            []);
        Catalog? catalog = Catalog.Compile(definitions, out var problems);
        problems.ShouldBeEmpty();
        return catalog!;
    }

    private static void Compare(Catalog catalog, EventFeed feed, NaiveOracle oracle, IEnumerable<long> instants, string context, Func<Value, bool>? where = null)
    {
        Selection all = catalog.AllOf("e")!;
        foreach (long asOf in instants)
        {
            FeatureValue[] values = feed.Read(all, new EventTime(asOf), Value.Of("k"));
            for (int index = 0; index < values.Length; index++)
            {
                FeaturePlan feature = all.Features[index];
                object? expected = oracle.Read(feature.Aggregate, asOf, feature.Window.Window.Width.Micros, feature.Window.Delay.Micros, where);
                Same(values[index], expected).ShouldBeTrue(
                    $"{context}: {feature.Aggregate} over {feature.Window.Window.Width} delayed {feature.Window.Delay} at {asOf}: {Show(values[index])}, the oracle says {Show(expected)}");
            }
        }
    }

    private static bool Same(in FeatureValue value, object? expected) => expected switch
    {
        null => value.Status == FeatureStatus.NullValue,
        long number => value.Status == FeatureStatus.Present && value.Scalar == Value.Of(number),
        double number => value.Status == FeatureStatus.Present && Close(value.Scalar.Double, number),
        Value scalar => value.Status == FeatureStatus.Present && value.Scalar == scalar,
        Value[] list => value.Status == FeatureStatus.Present && list.AsSpan().SequenceEqual(value.List),
        _ => false,
    };

    private static bool Close(double left, double right) => Math.Abs(left - right) <= 1e-9 * Math.Max(1, Math.Abs(right));

    private static string Show(object? value) => value switch
    {
        null => "null",
        Value[] list => $"[{string.Join(", ", list)}]",
        FeatureValue feature => $"{feature.Status} {feature.Scalar} {(feature.List is null ? "" : Show(feature.List))}",
        _ => value.ToString()!,
    };
}
