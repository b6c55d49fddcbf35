using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Saving;
using OrleansFeatures.Domain.State;

namespace OrleansFeatures.Domain.Summaries;

/// <summary>One event of a timeline as a summary takes it. Values by the timeline's column numbers; a value that is null is <see cref="Value.Null"/>.</summary>
internal readonly ref struct SummaryRow(long time, EventId id, ulong flags, ReadOnlySpan<Value> columns)
{
    public long Time { get; } = time;

    public EventId Id { get; } = id;

    public ulong Flags { get; } = flags;

    public ReadOnlySpan<Value> Columns { get; } = columns;
}

/// <summary>
/// What remains of rows whose raw form is given up, such that every feature of the timeline can still be computed over them, and over any union of such sets.
/// <code>
///   Summary ── per spec (column, filter, by) ──┬── Statistics: count, sum, and what the spec's features need
///                                              └── Categories: up to 64 × Statistics, where the spec has a by
///   count sum mean min max any all first last first_n last_n delta rate time_since_last histogram
///   max_by min_by max_n_by min_n_by                                                                    exact
///   var_* stddev_* skew kurtosis slope ewma, and sums of doubles                                       exact but for rounding
///   drawdown                                 exact while rows and merged sets come in the order of time, else an upper bound
///   distinct_count                           exact to 512 values, then 1.6 % standard error
///   percentile median percentile_disc        1 % of the value; of a timestamp 1 % of the time since 1970, though never beyond the least and greatest
///   mode top_k                               exact to 256 values, then counts too great by at most n / 256, and at most 256 of them
///   entropy                                  exact to 256 values, then an estimate
///   by                                       exact to 64 categories, then see Categories
/// </code>
/// Specs that no row came for take eight bytes. One thread at a time.
/// </summary>
internal sealed class Summary
{
    private readonly SummaryPlan _plan;

    /// <summary>By spec: the statistics, or null while no row came; likewise the categories.</summary>
    private readonly Statistics?[] _statistics;
    private readonly Categories?[] _categories;

    public Summary(SummaryPlan plan)
    {
        _plan = plan;
        _statistics = new Statistics?[plan.Specs.Length];
        _categories = plan.Specs.Any(spec => spec.By >= 0) ? new Categories?[plan.Specs.Length] : [];
    }

    /// <summary>Memory, in bytes: an estimate from the sizes of objects and arrays, texts in full, the plan left out. It walks everything that is kept.</summary>
    public long Bytes
    {
        get
        {
            long bytes = ObjectBytes.Of(fields: 3) + ObjectBytes.Array(_statistics.Length, IntPtr.Size) + ObjectBytes.Array(_categories.Length, IntPtr.Size);
            foreach (Statistics? statistics in _statistics)
            {
                bytes += statistics?.Bytes ?? 0;
            }

            foreach (Categories? categories in _categories)
            {
                bytes += categories?.Bytes ?? 0;
            }

            return bytes;
        }
    }

    /// <summary>
    /// Whether an aggregate from summaries is always that of their rows (to rounding). Where not, the status that <see cref="Compute"/> gives says whether it is this time.
    /// </summary>
    public static bool IsExact(FeaturePlan feature) => feature.By < 0 && feature.Aggregate.Kind is not (
        AggregateKind.DistinctCount or AggregateKind.Percentile or AggregateKind.PercentileDisc or AggregateKind.Median
        or AggregateKind.Mode or AggregateKind.TopK or AggregateKind.Entropy or AggregateKind.Drawdown);

    /// <summary>Takes a row in. In any order; only drawdown asks for the order of time.</summary>
    public void Add(in SummaryRow row)
    {
        for (int spec = 0; spec < _plan.Specs.Length; spec++)
        {
            Add(row, spec);
        }
    }

    /// <summary>The same for one spec, for a read that needs no other.</summary>
    public void Add(in SummaryRow row, int spec)
    {
        SummarySpec wanted = _plan.Specs[spec];
        Value value = wanted.Column < 0 ? Value.Null : row.Columns[wanted.Column];
        Value rank = wanted.OrderBy < 0 ? Value.Null : row.Columns[wanted.OrderBy];
        if ((row.Flags & wanted.FilterBits) != wanted.FilterBits || (wanted.Column >= 0 && value.IsNull) || (wanted.OrderBy >= 0 && rank.IsNull))
        {
            return;
        }

        var taken = new StatisticRow(row.Time, row.Id, value, rank);
        if (wanted.By < 0)
        {
            (_statistics[spec] ??= new Statistics(wanted)).Add(taken);
        }
        else if (!row.Columns[wanted.By].IsNull)
        {
            (_categories[spec] ??= new Categories(wanted)).Add(row.Columns[wanted.By], taken);
        }
    }

    /// <summary>Takes in all rows of another summary of the same plan, which is left as it was and shares nothing with this one afterwards.</summary>
    /// <param name="later">Best of later event times; where it overlaps, drawdown becomes an upper bound.</param>
    public void Merge(Summary later)
    {
        for (int spec = 0; spec < _plan.Specs.Length; spec++)
        {
            Merge(later, spec);
        }
    }

    /// <summary>The same for one spec, for a read that needs no other.</summary>
    public void Merge(Summary later, int spec)
    {
        if (later._statistics[spec] is { } statistics)
        {
            (_statistics[spec] ??= new Statistics(_plan.Specs[spec])).Merge(statistics);
        }

        if (_plan.Specs[spec].By >= 0 && later._categories[spec] is { } categories)
        {
            (_categories[spec] ??= new Categories(_plan.Specs[spec])).Merge(categories);
        }
    }

    /// <summary>A bit for each spec, set where rows came, and what those have kept.</summary>
    public void Save(StateWriter to)
    {
        Span<byte> present = to.Take(PresenceBytes(_plan));
        present.Clear();
        for (int spec = 0; spec < _plan.Specs.Length; spec++)
        {
            bool hasRows = _statistics[spec] is not null || (_plan.Specs[spec].By >= 0 && _categories[spec] is not null);
            present[spec / 8] |= (byte)(hasRows ? 1 << (spec % 8) : 0);
        }

        for (int spec = 0; spec < _plan.Specs.Length; spec++)
        {
            _statistics[spec]?.Save(to);
            if (_plan.Specs[spec].By >= 0)
            {
                _categories[spec]?.Save(to);
            }
        }
    }

    /// <summary>What <see cref="Save"/> wrote of a summary of the same plan: equal to the bit, memory included, now and after whatever comes.</summary>
    /// <exception cref="StateFormatException">It cannot have written this.</exception>
    public static Summary Load(ref StateReader from, SummaryPlan plan)
    {
        var summary = new Summary(plan);
        ReadOnlySpan<byte> present = from.Raw(PresenceBytes(plan));
        for (int spec = 0; spec < 8 * present.Length; spec++)
        {
            if ((present[spec / 8] & (1 << (spec % 8))) == 0)
            {
                continue;
            }

            if (spec >= plan.Specs.Length)
            {
                throw new StateFormatException("there are rows of a spec that there is not");
            }

            if (plan.Specs[spec].By >= 0)
            {
                summary._categories[spec] = Categories.Load(ref from, plan.Specs[spec]);
            }
            else
            {
                summary._statistics[spec] = Statistics.Load(ref from, plan.Specs[spec]);
            }
        }

        return summary;
    }

    /// <summary>The fewest bytes that a summary of a plan is saved in.</summary>
    public static int PresenceBytes(SummaryPlan plan) => (plan.Specs.Length + 7) / 8;

    /// <summary>
    /// A feature over all rows taken in: Present where it equals the value over the rows themselves, Approximate where that is not known. Whether the rows are those of the window is the
    /// caller's to know.
    /// </summary>
    /// <param name="feature">A feature of the timeline.</param>
    /// <param name="span">The window's instants, for rate and time_since_last.</param>
    public FeatureValue Compute(FeaturePlan feature, WindowSpan span)
    {
        int spec = _plan.SpecOf(feature);
        if (feature.By >= 0)
        {
            return _categories[spec]?.Compute(feature.Aggregate, span) ?? FeatureValue.Null;
        }

        if (_statistics[spec] is { } statistics)
        {
            return StatisticsReading.Compute(statistics, feature.Aggregate, span);
        }

        return feature.Aggregate.Kind is AggregateKind.Count or AggregateKind.DistinctCount ? FeatureValue.Of(Value.Of(0L)) : FeatureValue.Null;
    }
}
