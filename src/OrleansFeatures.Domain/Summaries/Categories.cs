using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Saving;
using OrleansFeatures.Domain.State;

namespace OrleansFeatures.Domain.Summaries;

/// <summary>
/// Statistics for each of at most 64 categories. Which ones is decided as in <see cref="SpaceSaving"/>, whose counters are the categories' weights:
/// <code>
///   weight      [ a: 900 | b: 41 | c: 40 ... ]     a new category takes over the counter of the lightest, with its weight
///   statistics  [ of a   | of b  | of c  ... ]     and begins its statistics anew
/// </code>
/// Exact while at most 64 categories came. Beyond, every category with more than 1/64 of all rows is held, its statistics miss at most 1/64 of all rows (those before it last entered),
/// and the rows of categories that gave way are counted as dropped.
/// </summary>
internal sealed class Categories
{
    private readonly SummarySpec _spec;
    private readonly SpaceSaving _weights;
    private readonly List<Statistics> _statistics = [];

    public Categories(SummarySpec spec)
        : this(spec, new SpaceSaving(spec.ByType, Limits.SummaryCategoriesMax))
    {
    }

    private Categories(SummarySpec spec, SpaceSaving weights) => (_spec, _weights) = (spec, weights);

    /// <summary>Rows that no category's statistics hold.</summary>
    public long Dropped => _weights.Total - _statistics.Sum(statistics => statistics.Fold.Count);

    public long Bytes => ObjectBytes.Of(fields: 6) + _weights.Bytes + ObjectBytes.Array(_statistics.Capacity, IntPtr.Size) + _statistics.Sum(statistics => statistics.Bytes);

    public void Add(Value category, in StatisticRow row)
    {
        int counter = _weights.Add(category, out bool tookOver);
        if (counter == _statistics.Count)
        {
            _statistics.Add(new Statistics(_spec));
        }
        else if (tookOver)
        {
            _statistics[counter] = new Statistics(_spec);
        }

        _statistics[counter].Add(row);
    }

    public void Merge(Categories other)
    {
        Value[] before = [.. Enumerable.Range(0, _weights.Length).Select(counter => _weights[counter].Value)];
        if (!_weights.Merge(other._weights))
        {
            FollowOwners(before);
        }

        while (_statistics.Count < _weights.Length)
        {
            _statistics.Add(new Statistics(_spec));
        }

        for (int counter = 0; counter < other._weights.Length; counter++)
        {
            int mine = _weights.Find(other._weights[counter].Value);
            if (mine >= 0)
            {
                _statistics[mine].Merge(other._statistics[counter]);
            }
        }
    }

    public void Save(StateWriter to)
    {
        _weights.Save(to);
        foreach (Statistics statistics in _statistics)
        {
            statistics.Save(to);
        }
    }

    public static Categories Load(ref StateReader from, SummarySpec spec)
    {
        var categories = new Categories(spec, SpaceSaving.Load(ref from, spec.ByType, Limits.SummaryCategoriesMax));
        while (categories._statistics.Count < categories._weights.Length)
        {
            categories._statistics.Add(Statistics.Load(ref from, spec));
        }

        return categories;
    }

    /// <summary>The map as <see cref="CategoryMap"/> lays it out: ascending keys, null values left out, all invalid where one is. Approximate where rows were dropped or a value is.</summary>
    public FeatureValue Compute(AggregateCall call, WindowSpan span)
    {
        Value[] keys = [.. Enumerable.Range(0, _weights.Length).Select(counter => _weights[counter].Value)];
        Statistics[] statistics = [.. _statistics];
        Array.Sort(keys, statistics, Comparer<Value>.Create(ValueOrder.Compare));
        var map = new Value[2 * keys.Length];
        int filled = 0;
        FeatureStatus status = _weights.IsExact ? FeatureStatus.Present : FeatureStatus.Approximate;
        for (int key = 0; key < keys.Length; key++)
        {
            FeatureValue value = StatisticsReading.Compute(statistics[key], call, span);
            if (value.Status == FeatureStatus.Invalid)
            {
                return FeatureValue.Invalid;
            }

            if (value.HasValue)
            {
                status = value.Status == FeatureStatus.Approximate ? FeatureStatus.Approximate : status;
                map[filled++] = keys[key];
                map[filled++] = value.Scalar;
            }
        }

        return filled == 0 ? FeatureValue.Null : new FeatureValue(status, Value.Null, map[..filled]);
    }

    /// <summary>Some categories gave way to others: each counter that changed its owner begins anew.</summary>
    private void FollowOwners(Value[] before)
    {
        for (int counter = 0; counter < before.Length; counter++)
        {
            if (_weights[counter].Value != before[counter])
            {
                _statistics[counter] = new Statistics(_spec);
            }
        }
    }
}
