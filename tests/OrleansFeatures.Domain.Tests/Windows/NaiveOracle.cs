using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Domain.Tests.Windows;

/// <summary>
/// The definition of correct: keep everything, at a read look at everything. A feature at T over a window of width w with delay d
/// covers the distinct events with T - d - w &lt; time &lt;= T - d, ordered by (time, id).
/// </summary>
internal sealed class NaiveOracle
{
    private readonly Dictionary<EventId, (long Time, EventId Id, Value Value)> _events = [];

    public void Add(long time, EventId id, Value value) => _events.TryAdd(id, (time, id, value));

    public object? Read(AggregateCall call, long asOf, long width, long delay, Func<Value, bool>? where = null)
    {
        var rows = _events.Values
            .Where(row => row.Time > asOf - delay - width && row.Time <= asOf - delay && (where is null || where(row.Value)))
            .OrderBy(row => row.Time).ThenBy(row => row.Id).ToList();
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
