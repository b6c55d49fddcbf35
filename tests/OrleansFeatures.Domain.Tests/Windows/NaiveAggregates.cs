using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Domain.Tests.Windows;

/// <summary>One event of a window, as the oracle sees it.</summary>
/// <param name="Time">Its event time.</param>
/// <param name="Value">The field that the aggregate reads; anything for an aggregate without a field.</param>
/// <param name="Category">The field after <c>by</c>.</param>
internal readonly record struct NaiveRow(long Time, Value Value, Value Category = default);

/// <summary>The aggregates, each as its definition reads. Rows come ordered by (time, id).</summary>
internal sealed partial class NaiveOracle
{
    /// <summary>Null, a long, a double, a Value, a Value[], or FeatureStatus.Invalid for what cannot be represented.</summary>
    public static object? Compute(AggregateCall call, List<NaiveRow> rows, WindowSpan span)
    {
        var values = rows.Where(row => !row.Value.IsNull).Select(row => row.Value).ToList();
        if (call.Kind == AggregateKind.Count)
        {
            return (long)(call.Field is null ? rows.Count : values.Count);
        }

        return call.Kind == AggregateKind.DistinctCount ? values.Distinct().LongCount() : values.Count == 0 ? null : Compute(call, values);
    }

    private static object? Compute(AggregateCall call, List<Value> values)
    {
        var numbers = values.Select(value => value.Type == FieldType.Double ? (decimal)value.Double : value.Bits).ToList();
        var ranked = values.Order(Comparer<Value>.Create(Compare)).ToList();
        decimal mean = values[0].Type == FieldType.String ? 0 : numbers.Average();
        double Variance(int freedom) => (double)(numbers.Sum(number => (number - mean) * (number - mean)) / freedom);
        double rank = call.Argument * (values.Count - 1);
        return call.Kind switch
        {
            AggregateKind.Sum => values[0].Type == FieldType.Double ? (object)(double)numbers.Sum() : (long)numbers.Sum(),
            AggregateKind.Mean => (double)mean,
            AggregateKind.Min => ranked[0],
            AggregateKind.Max => ranked[^1],
            AggregateKind.VarPop => Variance(values.Count),
            AggregateKind.StddevPop => Math.Sqrt(Variance(values.Count)),
            AggregateKind.VarSamp => values.Count < 2 ? null : Variance(values.Count - 1),
            AggregateKind.StddevSamp => values.Count < 2 ? null : Math.Sqrt(Variance(values.Count - 1)),
            AggregateKind.First => values[0],
            AggregateKind.Last => values[^1],
            AggregateKind.FirstN => values.Take((int)call.Argument).ToArray(),
            AggregateKind.LastN => Enumerable.Reverse(values).Take((int)call.Argument).ToArray(),
            AggregateKind.Percentile => Between(ranked, rank),
            AggregateKind.Median => Between(ranked, 0.5 * (values.Count - 1)),
            AggregateKind.PercentileDisc => ranked[Math.Max(0, (int)Math.Ceiling(call.Argument * values.Count) - 1)],
            _ => throw new InvalidOperationException($"the oracle does not know {call.Kind}"),
        };
    }

    private static double Between(List<Value> ranked, double rank)
    {
        double Number(int index) => ranked[index].Type == FieldType.Double ? ranked[index].Double : ranked[index].Bits;
        double below = Number((int)Math.Floor(rank));
        return below + ((rank - Math.Floor(rank)) * (Number((int)Math.Ceiling(rank)) - below));
    }

    private static int Compare(Value left, Value right) => left.Type switch
    {
        FieldType.Double => left.Double.CompareTo(right.Double),
        FieldType.String => System.Text.Encoding.UTF8.GetBytes(left.Text).AsSpan().SequenceCompareTo(System.Text.Encoding.UTF8.GetBytes(right.Text)),
        _ => left.Bits.CompareTo(right.Bits),
    };
}
