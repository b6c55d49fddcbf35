using FsCheck;
using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Domain.Tests.Properties;

/// <summary>Makes scenarios: any windows, any aggregates, events in any order with ties, nulls, repetitions and corrections.</summary>
internal static class ScenarioMaker
{
    private const long Second = 1_000_000;
    private const long Hour = 3_600 * Second;
    private const long Day = 24 * Hour;

    /// <summary>2018-03-22, three days before Zurich's clock goes forward.</summary>
    private const long Start = 1_521_676_800 * Second;

    public static readonly WindowDefinition[] Windows =
    [
        Sliding(Second), Sliding(10 * Second), Sliding(600 * Second), Sliding(Hour), Sliding(Day), Sliding(30 * Day), Sliding(90 * Day),
        WindowDefinition.Tumbling(new Duration(60 * Second)), WindowDefinition.Tumbling(new Duration(Hour)), WindowDefinition.Tumbling(new Duration(Day)),
        WindowDefinition.Tumbling(new Duration(6 * Hour), "Europe/Zurich"), WindowDefinition.Tumbling(new Duration(Day), "Europe/Zurich"),
        WindowDefinition.Tumbling(CalendarUnit.Week, "Europe/Zurich"), WindowDefinition.Tumbling(CalendarUnit.Month),
        WindowDefinition.Session(new Duration(Second / 2), new Duration(20 * Second)), WindowDefinition.Session(new Duration(30 * Second), new Duration(600 * Second)),
        WindowDefinition.Session(new Duration(Hour), new Duration(2 * Day)), WindowDefinition.Session(new Duration(2 * Day), new Duration(30 * Day)),
        WindowDefinition.Last(1), WindowDefinition.Last(3), WindowDefinition.Last(10), WindowDefinition.Last(100),
    ];

    private static readonly string[] OfEvents = ["count", "rate", "time_since_last"];

    private static readonly string[] OfAll =
    [
        "count(F)", "min(F)", "max(F)", "first(F)", "last(F)", "first_n(F, 3)", "last_n(F, 4)", "distinct_count(F)", "mode(F)", "top_k(F, 3)", "entropy(F)", "time_since_last(F)", "max_by(F, F)", "min_n_by(F, F, 3)",
    ];

    private static readonly string[] OfNumbers =
    [
        "sum(F)", "mean(F)", "var_pop(F)", "var_samp(F)", "stddev_pop(F)", "stddev_samp(F)", "skew(F)", "kurtosis(F)", "percentile(F, 0.9)", "percentile(F, 0)", "median(F)",
        "ewma(F, 90d)", "rate(F)", "slope(F)",
    ];

    private static readonly string[] OfQuantities = ["delta(F)", "drawdown(F)", "histogram(F, -10, 0, 10.5, 100)"];

    /// <summary>Aggregates whose result does not depend on how roundings add up.</summary>
    private static readonly string[] Rounding = ["mean", "var_", "stddev_", "skew", "kurtosis", "percentile(", "median", "ewma", "rate(", "slope"];

    /// <summary>Aggregates that sums of hops and lifetimes only sketch, or bound.</summary>
    public static readonly string[] Sketched = ["distinct_count", "percentile", "median", "mode", "top_k", "entropy", "drawdown"];

    private static readonly Duration[] Delays = [Duration.Zero, Duration.Zero, new(7 * Second), new(Day), new(3 * Day)];

    /// <summary>Every aggregate that a field takes, with its name; of the events themselves last.</summary>
    public static IEnumerable<string> Aggregates(bool exactOnly = false)
    {
        foreach (string field in (string[])["amount", "units", "ok", "tag", "at"])
        {
            bool isQuantity = field is "amount" or "units";
            IEnumerable<string> calls = OfAll.Concat(isQuantity || field == "ok" ? OfNumbers : []).Concat(isQuantity ? OfQuantities : [])
                .Concat(field == "tag" ? [] : ["percentile_disc(F, 0.3)"]).Concat(field == "ok" ? ["any(F)", "all(F)"] : []);
            bool isExact = !(exactOnly && isQuantity);
            foreach (string call in calls.Where(call => isExact || !(Rounding.Any(call.StartsWith) || (field == "amount" && (call.StartsWith("sum", StringComparison.Ordinal) || call.StartsWith('d'))))))
            {
                yield return call.Replace("F", field, StringComparison.Ordinal);
            }
        }

        foreach (string call in OfEvents)
        {
            yield return call;
        }
    }

    public static Gen<Scenario> Any(int countMax = 160, bool corrections = true, bool lateness = false, bool lifetime = false, int features = 40) => Property.FromRandom(random =>
    {
        ScenarioShape shape = Shape(random, countMax, corrections);
        return new Scenario(shape, Views(random, shape, features, lateness, lifetime), [.. Steps(random, shape)], random.Next());
    });

    public static ScenarioShape Shape(Random random, int countMax, bool corrections) => new(
        random.Next(3) == 0 ? FieldType.String : FieldType.Int64,
        Pick(random, [1L, 1_000, Second]),
        Pick(random, [Second / 5, 2 * Second, 60 * Second, Hour, 12 * Hour]),
        random.Next(5) == 0,
        random.Next(4) == 0 ? random.Next(1, 12) : random.Next(1, countMax),
        corrections ? Pick(random, [0, 10, 40]) : 0,
        Pick(random, [0, 20, 80]));

    public static FeatureViewDefinition[] Views(Random random, ScenarioShape shape, int features, bool lateness, bool lifetime)
    {
        string[] aggregates = [.. Aggregates(shape.IsExtreme)];
        string[] exact = [.. aggregates.Where(text => !Sketched.Any(text.StartsWith))];
        WindowDefinition[] windows = [.. Enumerable.Range(0, 5).Select(_ => lifetime && random.Next(4) == 0 ? WindowDefinition.Lifetime : Pick(random, Windows))];
        FeatureDefinition Feature(int index)
        {
            WindowDefinition window = Pick(random, windows);
            string aggregate = Pick(random, window.Kind == WindowKind.Lifetime ? exact : aggregates);
            bool isScalar = AggregateCall.Parse(aggregate, out _, out _)!.Shape == FeatureShape.Scalar;
            return new FeatureDefinition($"f{index}", aggregate, window, Pick(random, Delays), random.Next(3) == 0 ? Pick(random, [.. Scenario.Filters.Keys]) : null, Value.Null)
            {
                By = isScalar && random.Next(6) == 0 ? Pick<string>(random, window.Kind == WindowKind.Lifetime ? ["tag", "ok"] : ["tag", "units", "ok", "amount"]) : null,
            };
        }

        FeatureViewDefinition View(string name, string? where, long? allowed) => new(name, 1, Scenario.Entity, Scenario.Stream, where, [.. Enumerable.Range(0, features / 3).Select(Feature)])
        {
            AllowedLateness = allowed is { } micros ? new Duration(micros) : null,
        };

        return [View("all", null, null), View("some", "amount > 10.0", null), View("prompt", null, lateness ? Pick(random, [0L, shape.Pause, 5 * shape.Pause]) : null)];
    }

    public static IEnumerable<Step> Steps(Random random, ScenarioShape shape)
    {
        var sent = new List<Step>();
        long clock = Start;
        long arrival = Start;
        for (int index = 0; index < shape.Count; index++)
        {
            clock += random.Next(3) == 0 ? 0 : random.NextInt64(3 * shape.Pause);
            arrival += random.Next(4) == 0 ? 0 : random.NextInt64(3 * shape.Pause);
            long time = random.Next(100) < shape.LateShare ? clock - random.NextInt64(60 * shape.Pause) : clock;
            time = (time + (random.Next(50) == 0 ? 20 * shape.Pause : 0)) / shape.Unit * shape.Unit;
            bool corrects = sent.Count > 0 && random.Next(100) < shape.CorrectionShare;
            Value id = corrects ? Pick(random, [.. sent]).Fields[Step.Id] : IdOf(random, shape, index);
            Step? corrected = corrects ? sent.FindLast(step => step.Fields[Step.Id] == id) : null;
            EventOperation operation = corrects && random.Next(3) == 0 ? EventOperation.Delete : corrects || random.Next(20) == 0 ? EventOperation.Upsert : EventOperation.Insert;
            Value[] fields =
            [
                id, Value.Of(new EventTime(corrected is not null && random.Next(2) == 0 ? corrected.Micros : time)), Value.Of(Pick(random, Scenario.Keys)), .. Payload(random, shape),
            ];
            var step = new Step(operation, arrival, fields);
            sent.Add(step);
            yield return step;
            if (random.Next(6) == 0)
            {
                Step again = Pick(random, [.. sent]);
                yield return again with { Operation = EventOperation.Insert, Arrival = arrival };
            }
        }
    }

    public static Value[] Payload(Random random, ScenarioShape shape)
    {
        Value[] values =
        [
            Value.Of(shape.IsExtreme ? ExtremeDouble(random) : Math.Round((random.NextDouble() * 300) - 100, 2)),
            Value.Of(shape.IsExtreme ? ExtremeLong(random) : random.Next(-20, 150)),
            Value.Of(random.Next(3) > 0),
            Value.Of(Pick(random, ["red", "green", "blue", "", "\uFF5E", "\U0001F600"])),
            Value.Of(new EventTime(random.Next(40) * Hour)),
        ];
        return [.. values.Select(value => random.Next(9) == 0 ? Value.Null : value)];
    }

    public static T Pick<T>(Random random, T[] choices) => choices[random.Next(choices.Length)];

    private static WindowDefinition Sliding(long micros) => WindowDefinition.Sliding(new Duration(micros));

    /// <summary>Never twice the same: the index is in each.</summary>
    private static Value IdOf(Random random, ScenarioShape shape, int index) => shape.Ids == FieldType.String
        ? Value.Of((index % 4) switch { 0 => $"\uFF5E{index}", 1 => $"\U0001F600{index}", 2 => new Guid(index * 7919, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10).ToString(), _ => $"{index}" })
        : Value.Of(!shape.IsExtreme ? (index * 7919 % 10_007) - 300 : (index % 4) switch
        {
            0 => long.MaxValue - index,
            1 => long.MinValue + index,
            2 => (((Start / 1_000) + random.Next(1 << 20)) << 22) | (long)(uint)index,
            _ => index,
        });

    private static double ExtremeDouble(Random random) => random.Next(5) switch
    {
        0 => double.MaxValue,
        1 => -double.MaxValue,
        2 => double.Epsilon,
        3 => -0.0,
        _ => Math.ScaleB(random.NextDouble() - 0.5, random.Next(-1_000, 1_000)),
    };

    private static long ExtremeLong(Random random) => random.Next(5) switch
    {
        0 => long.MaxValue,
        1 => long.MinValue,
        2 => 0,
        3 => random.NextInt64(),
        _ => 1L << random.Next(62),
    };
}
