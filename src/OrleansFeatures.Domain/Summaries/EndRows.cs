using OrleansFeatures.Domain.Saving;

namespace OrleansFeatures.Domain.Summaries;

/// <summary>
/// The N oldest or the N newest rows, by event time and then id, or the N rows that are least or greatest in the other field, of equal ones the oldest. Exact, whatever the order in which they came.
/// </summary>
internal sealed class EndRows(int limit, StatisticKind end) : IStatistic
{
    private const int RowsMin = 4;

    private StatisticRow[] _rows = [];
    private int _length;

    /// <summary>From the end that counts: the oldest, the newest, the least or the greatest first.</summary>
    public ReadOnlySpan<StatisticRow> Rows => _rows.AsSpan(0, _length);

    public long Bytes
    {
        get
        {
            long bytes = ObjectBytes.Of(fields: 3) + ObjectBytes.Array(_rows.Length, elementBytes: 64);
            foreach (StatisticRow row in Rows)
            {
                bytes += ObjectBytes.Texts(row);
            }

            return bytes;
        }
    }

    public void Add(in StatisticRow row)
    {
        int at = PlaceOf(row);
        if (at < limit)
        {
            Insert(at, row);
        }
    }

    public void Merge(IStatistic other)
    {
        foreach (StatisticRow row in ((EndRows)other).Rows)
        {
            Add(row);
        }
    }

    /// <summary>Each row by its distance from the one before: neighbours are close in time, and often in id.</summary>
    public void Save(StateWriter to)
    {
        StatisticRow before = default;
        foreach (StatisticRow row in Rows)
        {
            SavedValues.Save(to, row, before);
            before = row;
        }
    }

    public static EndRows Load(ref StateReader from, int limit, StatisticKind end, SummarySpec spec, long rows)
    {
        var list = new EndRows(limit, end);
        StatisticRow before = default;
        while (list._length < Math.Min(limit, rows))
        {
            StatisticRow row = SavedValues.Row(ref from, spec, before);
            if (list._length > 0 && list.IsBefore(row, before))
            {
                throw new StateFormatException("rows stand in another order than theirs");
            }

            list.Insert(list._length, row);
            before = row;
        }

        return list;
    }

    private void Insert(int at, in StatisticRow row)
    {
        if (_length == _rows.Length && _length < limit)
        {
            Array.Resize(ref _rows, Math.Min(Math.Max(RowsMin, _length * 2), limit));
        }

        _length = Math.Min(_length + 1, limit);
        _rows.AsSpan(at, _length - at - 1).CopyTo(_rows.AsSpan(at + 1));
        _rows[at] = row;
    }

    private int PlaceOf(in StatisticRow row)
    {
        int low = 0;
        int high = _length;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            (low, high) = IsBefore(row, _rows[middle]) ? (low, middle) : (middle + 1, high);
        }

        return low;
    }

    private bool IsBefore(in StatisticRow row, in StatisticRow other)
    {
        if (end is StatisticKind.Oldest or StatisticKind.Newest)
        {
            return end == StatisticKind.Newest ? row.CompareTo(other) > 0 : row.CompareTo(other) < 0;
        }

        int byRank = ValueOrder.Compare(row.Rank, other.Rank);
        return byRank == 0 ? row.CompareTo(other) < 0 : end == StatisticKind.Greatest ? byRank > 0 : byRank < 0;
    }
}
