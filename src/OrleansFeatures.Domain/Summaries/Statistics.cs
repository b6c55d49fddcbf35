using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Saving;
using OrleansFeatures.Domain.Windows;

namespace OrleansFeatures.Domain.Summaries;

/// <summary>Everything that is kept of one set of rows: the fold that chunks have too, and what the spec names beside it.</summary>
internal sealed class Statistics
{
    private readonly SummarySpec _spec;
    private readonly IStatistic[] _parts;
    private Fold _fold;

    public Statistics(SummarySpec spec)
        : this(spec, default)
    {
        for (int part = 0; part < _parts.Length; part++)
        {
            _parts[part] = spec.Statistics[part].Create(spec.Type);
        }
    }

    private Statistics(SummarySpec spec, in Fold fold)
    {
        _spec = spec;
        _fold = fold;
        _parts = spec.Statistics.IsEmpty ? [] : new IStatistic[spec.Statistics.Length];
    }

    /// <summary>The type of the values.</summary>
    public FieldType Type => _spec.Type;

    /// <summary>Count, sum, least and greatest; of texts and of events without a field, the count.</summary>
    public Fold Fold => _fold;

    public long Bytes
    {
        get
        {
            long bytes = ObjectBytes.Of(fields: 12) + ObjectBytes.Array(_parts.Length, IntPtr.Size);
            foreach (IStatistic part in _parts)
            {
                bytes += part.Bytes;
            }

            return bytes;
        }
    }

    public void Add(in StatisticRow row)
    {
        _fold.Merge(FoldOf(row.Value), Type, moments: false);
        foreach (IStatistic part in _parts)
        {
            part.Add(row);
        }
    }

    public void Merge(Statistics other)
    {
        _fold.Merge(other._fold, Type, moments: false);
        for (int part = 0; part < _parts.Length; part++)
        {
            _parts[part].Merge(other._parts[part]);
        }
    }

    /// <summary>The fold and each part. Statistics without a row do not exist but on their way to the first.</summary>
    public void Save(StateWriter to)
    {
        _fold.Save(to, Type);
        foreach (IStatistic part in _parts)
        {
            part.Save(to);
        }
    }

    public static Statistics Load(ref StateReader from, SummarySpec spec)
    {
        var statistics = new Statistics(spec, Fold.Load(ref from, spec.Type));
        for (int part = 0; part < statistics._parts.Length; part++)
        {
            statistics._parts[part] = spec.Statistics[part].Load(ref from, spec, statistics._fold.Count);
        }

        return statistics;
    }

    /// <summary>Whether the fold alone answers. It takes no part in moments: <see cref="Spread"/> keeps more of their digits when rows come one by one.</summary>
    public static bool Folds(AggregateCall call, FieldType type) => call.IsFoldedOver(type) && !call.NeedsMoments;

    /// <summary>The part that serves a plan, which the spec must name.</summary>
    public T Part<T>(StatisticPlan wanted) where T : class, IStatistic
    {
        for (int part = 0; part < _parts.Length; part++)
        {
            if (_spec.Statistics[part].Serves(wanted))
            {
                return (T)_parts[part];
            }
        }

        throw new InvariantException($"a summary was asked for {wanted.Kind}, which it does not keep");
    }

    private static Fold FoldOf(Value value) => value.Type switch
    {
        FieldType.Double => Fold.Of([ValueHash.Canonical(value).Double], moments: false),
        FieldType.Null or FieldType.String => Fold.OfCount(1),
        _ => Fold.Of([value.Bits], moments: false),
    };
}
