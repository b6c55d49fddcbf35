using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Domain.Tests.Windows;

namespace OrleansFeatures.Domain.Tests.Aggregates;

/// <summary>Every aggregate over every type it takes, alone and by category, on seeded random windows, against the naive oracle.</summary>
public sealed class AggregateOracleTests
{
    private const int SeedsPerCase = 60;

    /// <summary>Every aggregate, those with an argument with several.</summary>
    internal static readonly string[] Spellings =
    [
        "count", "count(x)", "rate", "time_since_last", "first_n(x, 3)", "last_n(x, 5)", "top_k(x, 1)", "top_k(x, 4)", "top_k(x, 1000)", "histogram(x, 0)", "histogram(x, -10.5, 0, 3, 20, 50)",
        "percentile(x, 0)", "percentile(x, 0.05)", "percentile(x, 0.95)", "percentile(x, 1)", "percentile_disc(x, 0)", "percentile_disc(x, 0.37)", "percentile_disc(x, 1)", "ewma(x, 1s)", "ewma(x, 30s)",
        "max_by(x, category)", "min_by(x, category)", "max_by(x, x)", "min_by(x, x)", "max_n_by(x, category, 4)", "min_n_by(x, category, 3)", "max_n_by(x, x, 1000)", "min_n_by(x, x, 1)",
        .. AggregateCall.Names.Where(name => name != "count" && AggregateCall.Parse($"{name}(x)", out _, out _) is not null).Select(name => $"{name}(x)"),
    ];

    /// <summary>The kinds of windows that the seeds go through.</summary>
    private enum Shape
    {
        Ordinary,
        OneRow,
        AllEqual,
        OneTime,
        FewValues,
        Extreme,
        Large,
    }

    public static TheoryData<string, FieldType> Cases() => CasesWhere(_ => true);

    /// <summary>A map holds one value for a category.</summary>
    public static TheoryData<string, FieldType> ScalarCases() => CasesWhere(call => call.Shape == FeatureShape.Scalar);

    private static TheoryData<string, FieldType> CasesWhere(Func<AggregateCall, bool> where)
    {
        var cases = new TheoryData<string, FieldType>();
        foreach (string text in Spellings)
        {
            AggregateCall call = Column.Call(text);
            foreach (FieldType type in (FieldType[])[FieldType.Int64, FieldType.Double, FieldType.String, FieldType.Bool, FieldType.Timestamp])
            {
                if (call.ResultType(type) is not null && where(call))
                {
                    cases.Add(text, type);
                }
            }
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Reads_as_the_naive_oracle_does(string aggregate, FieldType type)
    {
        AggregateCall call = Column.Call(aggregate);
        for (int seed = 0; seed < SeedsPerCase; seed++)
        {
            Column column = RandomColumn(type, seed);
            FeatureValue actual = column.Compute(call);
            object? expected = NaiveOracle.Compute(call, column.Rows, column.Span);
            Same(actual, expected).ShouldBeTrue($"seed {seed}, {(Shape)(seed % 7)}: {Show(actual)}, the oracle says {Show(expected)}");
            if (actual.HasValue)
            {
                (actual.List?[^1] ?? actual.Scalar).Type.ShouldBe(call.ResultType(type)!.Value, $"seed {seed}: {Show(actual)}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(ScalarCases))]
    public void By_category_reads_as_the_naive_oracle_does(string aggregate, FieldType type)
    {
        AggregateCall call = Column.Call(aggregate);
        for (int seed = 0; seed < SeedsPerCase; seed++)
        {
            Column column = RandomColumn(type, seed);
            FeatureValue actual = column.ComputeBy(aggregate);
            object? expected = NaiveOracle.ComputeBy(call, column.Rows, column.Span);
            Same(actual, expected).ShouldBeTrue($"seed {seed}, {(Shape)(seed % 7)}: {Show(actual)}, the oracle says {Show(expected)}");
        }
    }

    internal static Column RandomColumn(FieldType type, int seed)
    {
        var random = new Random(seed);
        var shape = (Shape)(seed % 7);
        int count = shape switch { Shape.OneRow => 1, Shape.Large => 2_000, _ => random.Next(0, 120) };
        FieldType categoryType = (FieldType)random.Next((int)FieldType.Int64, (int)FieldType.Timestamp + 1);
        Value equal = RandomValue(random, type, Shape.Ordinary);
        long time = 1_000_000 * Column.Second;
        var rows = new List<NaiveRow>();
        for (int row = 0; row < count; row++)
        {
            time += shape == Shape.OneTime || random.Next(3) == 0 ? 0 : random.Next(1_500_000);
            Value value = shape == Shape.AllEqual ? equal : RandomValue(random, type, shape);
            rows.Add(new NaiveRow(time, random.Next(10) == 0 ? Value.Null : value, random.Next(10) == 0 ? Value.Null : RandomValue(random, categoryType, Shape.FewValues)));
        }

        long through = time + random.Next(3_000_000);
        long after = random.Next(2) == 0 ? WindowSpan.NoStart : (1_000_000 * Column.Second) - 1 - random.Next(3_000_000);
        return new Column(type, rows, new WindowSpan(through + random.Next(2_000_000), after, through));
    }

    private static Value RandomValue(Random random, FieldType type, Shape shape) => type switch
    {
        FieldType.Int64 when shape == Shape.Extreme => Value.Of(random.Next(3) switch { 0 => long.MinValue + random.Next(3), 1 => long.MaxValue - random.Next(3), _ => random.Next(-5, 5) }),
        FieldType.Double when shape == Shape.Extreme => Value.Of((random.NextDouble() - 0.3) * Math.Pow(10, random.Next(-15, 15))),
        FieldType.Double when shape == Shape.FewValues => Value.Of(random.Next(5) switch { 0 => -0.0, 1 => 0.0, _ => random.Next(-3, 3) }),
        FieldType.Int64 => Value.Of((long)random.Next(shape == Shape.FewValues ? 4 : 100) - 20),
        FieldType.Double => Value.Of(Math.Round((random.NextDouble() * 100) - 20, random.Next(0, 6))),
        FieldType.Bool => Value.Of(random.Next(shape == Shape.FewValues ? 20 : 2) == 0),
        FieldType.String => Value.Of((random.Next(3) switch { 0 => "\uFF5E", 1 => "\U0001F600", _ => "m" }) + random.Next(shape == Shape.FewValues ? 2 : 40)),
        _ => Value.Of(new EventTime(random.Next(shape == Shape.FewValues ? 4 : 1000) * Column.Second)),
    };

    internal static bool Same(in FeatureValue value, object? expected) => expected switch
    {
        null => value == FeatureValue.Null,
        FeatureStatus status => value.Status == status,
        long number => value == FeatureValue.Of(Value.Of(number)),
        double number => value.Status == FeatureStatus.Present && Close(value.Scalar, Value.Of(number)),
        Value scalar => value.Status == FeatureStatus.Present && Close(value.Scalar, scalar),
        Value[] list => value.Status == FeatureStatus.Present && value.List!.Length == list.Length && value.List.Zip(list, Close).All(same => same),
        _ => false,
    };

    /// <summary>To one part in 10^12 of the value, or of the spread of such values; everything but doubles to the bit.</summary>
    private static bool Close(Value left, Value right) =>
        left == right || (left.Type == FieldType.Double && right.Type == FieldType.Double && Math.Abs(left.Double - right.Double) <= 1e-12 * Math.Max(1, Math.Abs(right.Double)));

    internal static string Show(object? value) => value switch
    {
        null => "null",
        Value[] list => $"[{string.Join(", ", list)}]",
        FeatureValue feature => $"{feature.Status} {feature.Scalar} {(feature.List is null ? "" : Show(feature.List))}",
        double number => number.ToString("R", System.Globalization.CultureInfo.InvariantCulture),
        _ => value.ToString()!,
    };
}
