using System.Numerics;
using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;

namespace OrleansFeatures.Domain.Tests.Windows;

/// <summary>One event of a window, as the oracle sees it.</summary>
/// <param name="Time">Its event time.</param>
/// <param name="Value">The field that the aggregate reads; anything for an aggregate without a field.</param>
/// <param name="Category">The field after <c>by</c>; also that which events are chosen by, where the aggregate does not name its own field for it.</param>
internal readonly record struct NaiveRow(long Time, Value Value, Value Category = default);

/// <summary>
/// The aggregates, each as its definition reads, without regard to time or memory. Rows come ordered by (time, id). Numbers are whole multiples of a power of two, so sums,
/// deviations and moments are exact integers until the last division.
/// </summary>
internal sealed partial class NaiveOracle
{
    /// <summary>Null, a long, a double, a Value, a Value[], or FeatureStatus.Invalid for what cannot be represented.</summary>
    public static object? Compute(AggregateCall call, List<NaiveRow> all, WindowSpan span)
    {
        var rows = all.Where(row => (call.Field is null || !row.Value.IsNull) && (call.OrderBy is null || !Rank(call, row).IsNull)).ToList();
        if (call.Kind == AggregateKind.Count)
        {
            return (long)rows.Count;
        }

        object? result = call.Kind == AggregateKind.DistinctCount ? rows.Select(row => Plain(row.Value)).Distinct().LongCount() : rows.Count == 0 ? null : Compute(call, rows, span, new Exact(rows));
        return result switch
        {
            double number when !double.IsFinite(number) => FeatureStatus.Invalid,
            BigInteger whole => whole < long.MinValue || whole > long.MaxValue ? FeatureStatus.Invalid : (long)whole,
            _ => result,
        };
    }

    /// <summary>Keys and values in turn, by ascending key; of more than a thousand categories those with the most rows.</summary>
    public static object? ComputeBy(AggregateCall call, List<NaiveRow> all, WindowSpan span)
    {
        var categories = all.Where(row => !row.Category.IsNull && (call.Field is null || !row.Value.IsNull) && (call.OrderBy is null || !Rank(call, row).IsNull)).GroupBy(row => Plain(row.Category))
            .OrderByDescending(group => group.Count()).ThenBy(group => group.Key, Ascending).Take(Limits.CategoriesMax)
            .OrderBy(group => group.Key, Ascending).Select(group => (group.Key, Value: Compute(call, [.. group], span))).Where(pair => pair.Value is not null).ToList();
        return categories.Any(pair => pair.Value is FeatureStatus) ? FeatureStatus.Invalid
            : categories.Count == 0 ? null
            : categories.SelectMany(pair => (Value[])[pair.Key, AsValue(pair.Value!)]).ToArray();
    }

    private static object? Compute(AggregateCall call, List<NaiveRow> rows, WindowSpan span, Exact exact)
    {
        var values = rows.Select(row => row.Value).ToList();
        var ranked = values.Select(Plain).Order(Ascending).ToList();
        var frequent = ranked.GroupBy(value => value).OrderByDescending(group => group.Count()).ThenBy(group => group.Key, Ascending).ToList();
        double n = rows.Count;
        double seconds = (span.Through - (span.After == WindowSpan.NoStart ? rows[0].Time : span.After)) / 1e6;
        var weights = rows.Select(row => Math.Pow(2, -(span.Through - row.Time) / call.Argument)).ToList();
        return call.Kind switch
        {
            AggregateKind.Sum => exact.Number(exact.Units.Aggregate(BigInteger.Add)),
            AggregateKind.Mean => exact.Double(exact.Units.Aggregate(BigInteger.Add)) / n,
            AggregateKind.Min => ranked[0],
            AggregateKind.Max => ranked[^1],
            AggregateKind.VarPop => exact.Variance(n),
            AggregateKind.StddevPop => Math.Sqrt(exact.Variance(n)),
            AggregateKind.VarSamp => n < 2 ? null : exact.Variance(n - 1),
            AggregateKind.StddevSamp => n < 2 ? null : Math.Sqrt(exact.Variance(n - 1)),
            AggregateKind.Skew => n < 3 || ranked[0] == ranked[^1] ? null : Math.Sqrt(n * (n - 1)) / (n - 2) * exact.Standardized(3),
            AggregateKind.Kurtosis => n < 4 || ranked[0] == ranked[^1] ? null : (n - 1) / ((n - 2) * (n - 3)) * (((n + 1) * (exact.Standardized(4) - 3)) + 6),
            AggregateKind.First => values[0],
            AggregateKind.Last => values[^1],
            AggregateKind.FirstN => values.Take((int)call.Argument).ToArray(),
            AggregateKind.LastN => Enumerable.Reverse(values).Take((int)call.Argument).ToArray(),
            AggregateKind.MaxBy => rows.OrderByDescending(row => Rank(call, row), Ascending).First().Value,
            AggregateKind.MinBy => rows.OrderBy(row => Rank(call, row), Ascending).First().Value,
            AggregateKind.MaxNBy => rows.OrderByDescending(row => Rank(call, row), Ascending).Take((int)call.Argument).Select(row => row.Value).ToArray(),
            AggregateKind.MinNBy => rows.OrderBy(row => Rank(call, row), Ascending).Take((int)call.Argument).Select(row => row.Value).ToArray(),
            AggregateKind.Percentile => Between(ranked, call.Argument * (n - 1)),
            AggregateKind.Median => Between(ranked, 0.5 * (n - 1)),
            AggregateKind.PercentileDisc => ranked[Math.Max(0, (int)Math.Ceiling(call.Argument * n) - 1)],
            AggregateKind.Mode => frequent[0].Key,
            AggregateKind.TopK => frequent.Take((int)call.Argument).SelectMany(group => (Value[])[group.Key, Value.Of(group.LongCount())]).ToArray(),
            AggregateKind.Histogram => Histogram(values, [double.NegativeInfinity, .. call.Bounds!.Values, double.PositiveInfinity]),
            AggregateKind.Entropy => frequent.Sum(group => group.Count() / n * Math.Log2(n / group.Count())),
            AggregateKind.Any => Value.Of(values.Any(value => value.Bool)),
            AggregateKind.All => Value.Of(values.All(value => value.Bool)),
            AggregateKind.Ewma => exact.Doubles.Zip(weights, (value, weight) => value * weight).Sum() / weights.Sum(),
            AggregateKind.Slope => rows[0].Time == rows[^1].Time ? null : exact.Slope(rows),
            AggregateKind.Delta => exact.Number(exact.Units[^1] - exact.Units[0]),
            AggregateKind.Drawdown => exact.Number(exact.Falls().Max()),
            AggregateKind.Rate => seconds == 0 ? null : (call.Field is null ? n : exact.Double(exact.Units.Aggregate(BigInteger.Add))) / seconds,
            AggregateKind.TimeSinceLast => (span.AsOf - rows[^1].Time) / 1e6,
            _ => throw new InvalidOperationException($"the oracle does not know {call.Kind}"),
        };
    }

    private static Value Rank(AggregateCall call, NaiveRow row) => Plain(call.OrderBy == call.Field ? row.Value : row.Category);

    private static double Between(List<Value> ranked, double rank)
    {
        double Number(int index) => ranked[index].Type == FieldType.Double ? ranked[index].Double : ranked[index].Bits;
        double below = Number((int)Math.Floor(rank));
        return below + ((rank - Math.Floor(rank)) * (Number((int)Math.Ceiling(rank)) - below));
    }

    private static Value[] Histogram(List<Value> values, double[] bounds)
    {
        bool Within(Value value, double low, double high) =>
            value.Type == FieldType.Double ? low < value.Double && value.Double <= high : Compare(value.Int64, low) > 0 && Compare(value.Int64, high) <= 0;
        return [.. bounds.Skip(1).Select((high, bin) => Value.Of(values.LongCount(value => Within(value, bounds[bin], high))))];
    }

    /// <summary>An integer against a bound, exact beyond 2^53.</summary>
    private static int Compare(long value, double bound) =>
        double.IsInfinity(bound) ? -Math.Sign(bound) : ((BigInteger)value).CompareTo(new BigInteger(Math.Floor(bound))) is var order && order == 0 && bound != Math.Floor(bound) ? -1 : order;

    private static Value AsValue(object result) => result switch
    {
        long number => Value.Of(number),
        double number => Value.Of(number),
        _ => (Value)result,
    };

    /// <summary>Zero has two bit patterns and is one value.</summary>
    private static Value Plain(Value value) => value.Type == FieldType.Double && value.Double == 0 ? Value.Of(0.0) : value;

    private static readonly Comparer<Value> Ascending = Comparer<Value>.Create((left, right) => left.Type switch
    {
        FieldType.Double => left.Double.CompareTo(right.Double),
        FieldType.String => System.Text.Encoding.UTF8.GetBytes(left.Text).AsSpan().SequenceCompareTo(System.Text.Encoding.UTF8.GetBytes(right.Text)),
        _ => left.Bits.CompareTo(right.Bits),
    });
}
