using OrleansFeatures.Log;

namespace OrleansFeatures.Postgres.Log;

/// <summary>One append as it was stored, its rows of several partitions merged by sequence again. Every frame is checked.</summary>
internal sealed class AppendFrames
{
    private readonly LogRecords[] _rows;
    private readonly (int Row, int Position)[] _places;

    /// <exception cref="LogCorruptException">The rows do not hold exactly the append's records.</exception>
    public AppendFrames(long first, long last, IReadOnlyList<byte[]> rows)
    {
        (First, Last) = (first, last);
        string place = $"the append of sequence {first} in log_records";
        _rows = [.. rows.Select(row => LogRecords.Of(row, place))];
        _places = new (int, int)[last - first + 1];
        int found = 0;
        for (int row = 0; row < _rows.Length; row++)
        {
            for (LogRecords.Enumerator walk = _rows[row].GetEnumerator(); walk.MoveNext(); found++)
            {
                long at = walk.Current.Sequence.Value - first;
                if ((ulong)at >= (ulong)_places.Length)
                {
                    throw new LogCorruptException(place, 0, new LogSequence(first), new LogSequence(last), $"it holds sequence {walk.Current.Sequence}");
                }

                _places[at] = (row, walk.Position);
            }
        }

        if (found != _places.Length)
        {
            throw new LogCorruptException(place, 0, new LogSequence(first), new LogSequence(last), $"it holds {found} records instead of {_places.Length}");
        }
    }

    public long First { get; }

    public long Last { get; }

    public LogRecord At(long sequence)
    {
        (int row, int position) = _places[sequence - First];
        return _rows[row].At(position);
    }
}
