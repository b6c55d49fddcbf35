using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Saving;

namespace OrleansFeatures.Domain.Summaries;

internal enum StatisticKind : byte
{
    /// <summary>Least and greatest text.</summary>
    Extent,

    /// <summary>Oldest and newest row.</summary>
    Ends,

    /// <summary>Second to fourth moments.</summary>
    Spread,

    /// <summary>Moments of value and time together.</summary>
    Trend,

    /// <summary>Greatest fall.</summary>
    Fall,

    /// <summary>Counters between bounds.</summary>
    Bins,

    /// <summary>Weighted sum and weights.</summary>
    DecayedMean,

    /// <summary>The N oldest rows.</summary>
    Oldest,

    /// <summary>The N newest rows.</summary>
    Newest,

    /// <summary>The N rows of the least other field.</summary>
    Least,

    /// <summary>The N rows of the greatest other field.</summary>
    Greatest,
    DistinctValues,
    Quantiles,
    FrequentValues,
}

/// <summary>A statistic that features need of their rows, beyond the fold of count, sum, least and greatest number, which is always kept.</summary>
/// <param name="Kind">Which.</param>
/// <param name="Argument">The half-life of a decayed mean in microseconds, the N of oldest, newest, least and greatest; else 0.</param>
/// <param name="Bounds">Of bins.</param>
internal sealed record StatisticPlan(StatisticKind Kind, double Argument = 0, HistogramBounds? Bounds = null)
{
    /// <summary>What an aggregate over values of a type is computed from.</summary>
    public static StatisticPlan[] For(AggregateCall call, FieldType type) => call.Kind switch
    {
        AggregateKind.First or AggregateKind.Last or AggregateKind.Delta or AggregateKind.TimeSinceLast or AggregateKind.Rate => [new(StatisticKind.Ends)],
        _ when Statistics.Folds(call, type) => [],
        AggregateKind.Min or AggregateKind.Max => [new(StatisticKind.Extent)],
        AggregateKind.Slope => [new(StatisticKind.Trend)],
        AggregateKind.Drawdown => [new(StatisticKind.Fall)],
        AggregateKind.Histogram => [new(StatisticKind.Bins, Bounds: call.Bounds)],
        AggregateKind.Ewma => [new(StatisticKind.DecayedMean, call.Argument)],
        AggregateKind.FirstN => [new(StatisticKind.Oldest, call.Argument)],
        AggregateKind.LastN => [new(StatisticKind.Newest, call.Argument)],
        AggregateKind.MinBy => [new(StatisticKind.Least, 1)],
        AggregateKind.MaxBy => [new(StatisticKind.Greatest, 1)],
        AggregateKind.MinNBy => [new(StatisticKind.Least, call.Argument)],
        AggregateKind.MaxNBy => [new(StatisticKind.Greatest, call.Argument)],
        AggregateKind.DistinctCount => [new(StatisticKind.DistinctValues)],
        AggregateKind.Percentile or AggregateKind.PercentileDisc or AggregateKind.Median => [new(StatisticKind.Quantiles)],
        AggregateKind.Mode or AggregateKind.TopK => [new(StatisticKind.FrequentValues)],
        AggregateKind.Entropy => [new(StatisticKind.FrequentValues), new(StatisticKind.DistinctValues)],
        _ when call.NeedsMoments => [new(StatisticKind.Spread)],
        _ => throw new InvariantException($"{call.Kind} has no summary"),
    };

    /// <summary>Whether this one serves where <paramref name="wanted"/> is needed: the longer list of rows serves for the shorter.</summary>
    public bool Serves(StatisticPlan wanted) =>
        Kind is StatisticKind.Oldest or StatisticKind.Newest or StatisticKind.Least or StatisticKind.Greatest ? Kind == wanted.Kind && Argument >= wanted.Argument : this == wanted;

    /// <summary>An empty one over values of a type.</summary>
    public IStatistic Create(FieldType type) => Kind switch
    {
        StatisticKind.Extent => new Extent(),
        StatisticKind.Ends => new Ends(),
        StatisticKind.Spread => new Spread(),
        StatisticKind.Trend => new Trend(),
        StatisticKind.Fall => new Fall(),
        StatisticKind.Bins => new Bins(Bounds!),
        StatisticKind.DecayedMean => new DecayedMean(Argument),
        StatisticKind.Oldest or StatisticKind.Newest or StatisticKind.Least or StatisticKind.Greatest => new EndRows((int)Argument, Kind),
        StatisticKind.DistinctValues => new DistinctValues(),
        StatisticKind.Quantiles => new Quantiles(),
        _ => new FrequentValues(type),
    };

    /// <summary>What one of this plan saved.</summary>
    /// <param name="from">Where it stands.</param>
    /// <param name="spec">Whose values they are.</param>
    /// <param name="rows">How many rows were taken in, at least one: every statistic knows that of itself, so it is saved once.</param>
    public IStatistic Load(ref StateReader from, SummarySpec spec, long rows) => Kind switch
    {
        StatisticKind.Extent => Summaries.Extent.Load(ref from, spec),
        StatisticKind.Ends => Summaries.Ends.Load(ref from, spec),
        StatisticKind.Spread => Summaries.Spread.Load(ref from, rows),
        StatisticKind.Trend => Summaries.Trend.Load(ref from, rows),
        StatisticKind.Fall => Summaries.Fall.Load(ref from, spec),
        StatisticKind.Bins => Summaries.Bins.Load(ref from, Bounds!, rows),
        StatisticKind.DecayedMean => Summaries.DecayedMean.Load(ref from, Argument),
        StatisticKind.Oldest or StatisticKind.Newest or StatisticKind.Least or StatisticKind.Greatest => EndRows.Load(ref from, (int)Argument, Kind, spec, rows),
        StatisticKind.DistinctValues => Summaries.DistinctValues.Load(ref from, rows),
        StatisticKind.Quantiles => Summaries.Quantiles.Load(ref from, rows),
        _ => Summaries.FrequentValues.Load(ref from, spec.Type, rows),
    };
}
