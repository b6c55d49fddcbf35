using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;

namespace OrleansFeatures.Domain.Summaries;

/// <summary>Aggregates from statistics: the same answers as <see cref="ColumnValues"/> gives from rows, or Approximate ones where a sketch cannot promise it.</summary>
internal static class StatisticsReading
{
    public static FeatureValue Compute(Statistics statistics, AggregateCall call, WindowSpan span) =>
        call.Kind switch
        {
            AggregateKind.DistinctCount => Distinct(statistics),
            _ when statistics.Fold.Count == 0 => statistics.Fold.Compute(call, statistics.Type, seconds: 0),
            AggregateKind.Rate => statistics.Fold.Compute(call, statistics.Type, span.Seconds(Ends(statistics).Oldest.Time)),
            _ when Statistics.Folds(call, statistics.Type) => statistics.Fold.Compute(call, statistics.Type, seconds: 0),
            AggregateKind.Min => FeatureValue.Of(Extent(statistics).Least),
            AggregateKind.Max => FeatureValue.Of(Extent(statistics).Greatest),
            AggregateKind.First => FeatureValue.Of(Ends(statistics).Oldest.Value),
            AggregateKind.Last => FeatureValue.Of(Ends(statistics).Newest.Value),
            AggregateKind.FirstN => List(statistics, StatisticKind.Oldest, call.Argument),
            AggregateKind.LastN => List(statistics, StatisticKind.Newest, call.Argument),
            AggregateKind.MinBy => First(statistics, StatisticKind.Least),
            AggregateKind.MaxBy => First(statistics, StatisticKind.Greatest),
            AggregateKind.MinNBy => List(statistics, StatisticKind.Least, call.Argument),
            AggregateKind.MaxNBy => List(statistics, StatisticKind.Greatest, call.Argument),
            AggregateKind.Delta => Delta(Ends(statistics)),
            AggregateKind.TimeSinceLast => Answer.Of((span.AsOf - Ends(statistics).Newest.Time) / WindowSpan.MicrosPerSecond),
            AggregateKind.Slope => Answer.Of(statistics.Part<Trend>(new StatisticPlan(StatisticKind.Trend)).Slope),
            AggregateKind.Ewma => Answer.Of(statistics.Part<DecayedMean>(new StatisticPlan(StatisticKind.DecayedMean, call.Argument)).Mean),
            AggregateKind.Drawdown => Drawdown(statistics.Part<Fall>(new StatisticPlan(StatisticKind.Fall))),
            AggregateKind.Histogram => Histogram(statistics.Part<Bins>(new StatisticPlan(StatisticKind.Bins, Bounds: call.Bounds))),
            AggregateKind.Percentile => Approximate(Answer.Of(Quantiles(statistics).Continuous(call.Argument))),
            AggregateKind.Median => Approximate(Answer.Of(Quantiles(statistics).Continuous(0.5))),
            AggregateKind.PercentileDisc => Approximate(FeatureValue.Of(Nearest(Quantiles(statistics).Discrete(call.Argument), statistics.Type))),
            AggregateKind.Mode => FrequentFirst(Frequent(statistics)),
            AggregateKind.TopK => TopK(Frequent(statistics), (int)call.Argument),
            AggregateKind.Entropy => Entropy(statistics),
            _ => Answer.Of(statistics.Part<Spread>(new StatisticPlan(StatisticKind.Spread)).Moments.Result(call.Kind)),
        };

    private static Extent Extent(Statistics statistics) => statistics.Part<Extent>(new StatisticPlan(StatisticKind.Extent));

    private static Ends Ends(Statistics statistics) => statistics.Part<Ends>(new StatisticPlan(StatisticKind.Ends));

    private static QuantileSketch Quantiles(Statistics statistics) => statistics.Part<Quantiles>(new StatisticPlan(StatisticKind.Quantiles)).Sketch;

    private static SpaceSaving Frequent(Statistics statistics) => statistics.Part<FrequentValues>(new StatisticPlan(StatisticKind.FrequentValues)).Sketch;

    private static FeatureValue Approximate(in FeatureValue value, bool unless = false) =>
        value.Status == FeatureStatus.Present && !unless ? value with { Status = FeatureStatus.Approximate } : value;

    private static FeatureValue Distinct(Statistics statistics)
    {
        HyperLogLog sketch = statistics.Part<DistinctValues>(new StatisticPlan(StatisticKind.DistinctValues)).Sketch;
        return Approximate(FeatureValue.Of(Value.Of(sketch.Estimate())), unless: sketch.IsExact);
    }

    private static FeatureValue First(Statistics statistics, StatisticKind kind) => FeatureValue.Of(statistics.Part<EndRows>(new StatisticPlan(kind, 1)).Rows[0].Value);

    private static FeatureValue List(Statistics statistics, StatisticKind kind, double argument)
    {
        ReadOnlySpan<StatisticRow> rows = statistics.Part<EndRows>(new StatisticPlan(kind, argument)).Rows;
        var list = new Value[Math.Min((int)argument, rows.Length)];
        for (int index = 0; index < list.Length; index++)
        {
            list[index] = rows[index].Value;
        }

        return FeatureValue.Of(list);
    }

    private static FeatureValue Delta(Ends ends)
    {
        (Value first, Value last) = (ends.Oldest.Value, ends.Newest.Value);
        return first.Type == FieldType.Double ? Answer.Of(last.Double - first.Double) : Trends.Delta(first.Bits, last.Bits);
    }

    private static FeatureValue Drawdown(Fall fall) => Approximate(fall.Depth, unless: fall.IsExact);

    private static FeatureValue Histogram(Bins bins)
    {
        var list = new Value[bins.Counts.Length];
        for (int bin = 0; bin < list.Length; bin++)
        {
            list[bin] = Value.Of(bins.Counts[bin]);
        }

        return FeatureValue.Of(list);
    }

    /// <summary>Integers below 50 are exact: one percent of them is less than a half.</summary>
    private static Value Nearest(double value, FieldType type) => type == FieldType.Double ? Value.Of(value + 0.0) : Value.FromBits(type, (long)Math.Round(value));

    private static FeatureValue FrequentFirst(SpaceSaving sketch) => Approximate(FeatureValue.Of(sketch.Heaviest()[0].Value), unless: sketch.IsExact);

    private static FeatureValue TopK(SpaceSaving sketch, int k)
    {
        Frequency[] heaviest = sketch.Heaviest();
        var map = new Value[2 * Math.Min(k, heaviest.Length)];
        for (int rank = 0; 2 * rank < map.Length; rank++)
        {
            map[2 * rank] = heaviest[rank].Value;
            map[(2 * rank) + 1] = Value.Of(heaviest[rank].Count);
        }

        return Approximate(FeatureValue.Of(map), unless: sketch.IsExact);
    }

    /// <summary>
    /// Exact while the counters hold every value. Beyond, a value that is held has the occurrences that are certain, and all others are spread evenly over the values that the
    /// distinct count leaves: even shares have the most entropy, so the estimate errs upwards where the rest is uneven (by 9 % over 10,000 values of a
    /// Zipf distribution, where the rest is nearly half). It has no bound of its own.
    /// </summary>
    private static FeatureValue Entropy(Statistics statistics)
    {
        SpaceSaving sketch = Frequent(statistics);
        long[] counts = new long[sketch.Length];
        long rest = sketch.Total;
        for (int counter = 0; counter < counts.Length; counter++)
        {
            counts[counter] = sketch[counter].Count - sketch[counter].Error;
            rest -= counts[counter];
        }

        long distinct = statistics.Part<DistinctValues>(new StatisticPlan(StatisticKind.DistinctValues)).Sketch.Estimate();
        long restValues = Math.Clamp(distinct - counts.Length, Math.Min(1, rest), rest);
        return Approximate(Answer.Of(Shares.Entropy<long>(counts, rest, restValues)), unless: sketch.IsExact);
    }
}
