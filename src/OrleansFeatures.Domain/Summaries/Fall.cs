using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Saving;
using OrleansFeatures.Domain.State;

namespace OrleansFeatures.Domain.Summaries;

/// <summary>
/// The greatest fall of a value below an older one, with the least and greatest value, from which the fall across two sets follows:
/// <code>
///   older set  greatest ─┐                     fall of both = the greatest of: the older's, the newer's, the older's greatest less the newer's least
///                        └─> least  newer set
/// </code>
/// Exact while every two sets that met, and a single row is one, lay apart in time. Where they overlapped (a late event into the middle of a bucket) nobody knows
/// which value came first; then the greater of both ways counts, and the fall is an upper bound.
/// </summary>
internal sealed class Fall : IStatistic
{
    private readonly Ends _ends;
    private bool _isEmpty = true;
    private Value _least;
    private Value _greatest;

    /// <summary>The values that the greatest fall went from and to; equal where nothing fell.</summary>
    private Value _from;
    private Value _to;

    public Fall()
        : this(new Ends())
    {
    }

    private Fall(Ends ends) => _ends = ends;

    /// <summary>Whether the fall is that of the rows in their order, and no upper bound.</summary>
    public bool IsExact { get; private set; } = true;

    public FeatureValue Depth => _from.Type == FieldType.Double ? Answer.Of(_from.Double - _to.Double) : Trends.Delta(_to.Bits, _from.Bits);

    public long Bytes => ObjectBytes.Of(fields: 14) + _ends.Bytes;

    public void Add(in StatisticRow row)
    {
        Merge(row, row, row.Value, row.Value, row.Value, row.Value);
        _ends.Add(row);
    }

    public void Merge(IStatistic other)
    {
        var fall = (Fall)other;
        if (!fall._isEmpty)
        {
            Merge(fall._ends.Oldest, fall._ends.Newest, fall._least, fall._greatest, fall._from, fall._to);
            _ends.Merge(fall._ends);
            IsExact &= fall.IsExact;
        }
    }

    public void Save(StateWriter to)
    {
        _ends.Save(to);
        SavedValues.Save(to, _least);
        SavedValues.Save(to, _greatest);
        SavedValues.Save(to, _from);
        SavedValues.Save(to, _to);
        to.Flag(IsExact);
    }

    public static Fall Load(ref StateReader from, SummarySpec spec) => new(Ends.Load(ref from, spec))
    {
        _isEmpty = false,
        _least = SavedValues.Value(ref from, spec.Type),
        _greatest = SavedValues.Value(ref from, spec.Type),
        _from = SavedValues.Value(ref from, spec.Type),
        _to = SavedValues.Value(ref from, spec.Type),
        IsExact = from.Flag(),
    };

    private void Merge(in StatisticRow oldest, in StatisticRow newest, Value least, Value greatest, Value from, Value to)
    {
        if (_isEmpty)
        {
            (_isEmpty, _least, _greatest, _from, _to) = (false, least, greatest, from, to);
            return;
        }

        bool isLater = oldest.CompareTo(_ends.Newest) > 0;
        bool isEarlier = newest.CompareTo(_ends.Oldest) < 0;
        IsExact &= isLater || isEarlier;
        Deepen(from, to);
        if (!isEarlier)
        {
            Deepen(_greatest, least);
        }

        if (!isLater)
        {
            Deepen(greatest, _least);
        }

        _least = ValueOrder.Compare(least, _least) < 0 ? least : _least;
        _greatest = ValueOrder.Compare(greatest, _greatest) > 0 ? greatest : _greatest;
    }

    private void Deepen(Value from, Value to)
    {
        // Two int64 may lie further apart than an int64 reaches, and never further than a ulong.
        bool isDeeper = from.Type == FieldType.Double
            ? from.Double - to.Double > _from.Double - _to.Double
            : from.Bits > to.Bits && (ulong)from.Bits - (ulong)to.Bits > (ulong)_from.Bits - (ulong)_to.Bits;
        (_from, _to) = isDeeper ? (from, to) : (_from, _to);
    }
}
