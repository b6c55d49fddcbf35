using OrleansFeatures.Log.Format;

namespace OrleansFeatures.Log.Inspection;

/// <summary>
/// Which offsets of which partitions damage took. Behind a damaged place the offsets of a partition are unknown until its next record is met; what lies between is lost.
/// <code>
///   offsets of partition 3 met:    7  8  X X X X  12  13       lost with X: 9, 10, 11
/// </code>
/// Also keeps for each partition an offset that no record can have had yet, for a log that has to go on although its end is lost. One thread, one segment.
/// </summary>
internal sealed class OffsetLedger
{
    private readonly List<List<LostOffsets>> _lost = [];
    private readonly long[] _known;
    private readonly long[] _bound;
    private readonly long[] _open;
    private readonly int[] _openSince;

    /// <summary>Begins with the next offset of each partition, or <see cref="SegmentReader.Unknown"/>, and with bounds for them.</summary>
    public OffsetLedger(long[] known, long[] bound)
    {
        (_known, _bound) = ([.. known], [.. bound]);
        _open = new long[known.Length];
        _openSince = new int[known.Length];
        _open.AsSpan().Fill(SegmentReader.Unknown);
    }

    /// <summary>No record that may have been in the log has this offset or a later one; <see cref="SegmentReader.Unknown"/> where nothing says so.</summary>
    public long[] Bounds => _bound;

    /// <summary>Next offsets where known.</summary>
    public long[] Known => _known;

    public void See(int partition, long offset)
    {
        if (_open[partition] != SegmentReader.Unknown)
        {
            Resolve(partition, offset);
        }

        _known[partition] = _bound[partition] = offset + 1;
    }

    /// <summary>Damage begins with the group that the caller has just seen these records of: they are lost with it.</summary>
    public void Unsee(int partition, long offset) => _known[partition] = offset;

    /// <summary>Damage that took at most so many records; returns its number.</summary>
    public int Lose(long records)
    {
        var number = _lost.Count;
        _lost.Add([]);
        if (records == 0)
        {
            return number;
        }

        for (var partition = 0; partition < _known.Length; partition++)
        {
            if (_open[partition] == SegmentReader.Unknown)
            {
                (_open[partition], _openSince[partition]) = (_known[partition], number);
            }

            _known[partition] = SegmentReader.Unknown;
            _bound[partition] += _bound[partition] == SegmentReader.Unknown ? 0 : records;
        }

        return number;
    }

    /// <summary>The next segment's header says where every partition stands.</summary>
    public void Close(long[] next)
    {
        for (var partition = 0; partition < next.Length; partition++)
        {
            if (next[partition] != SegmentReader.Unknown)
            {
                See(partition, next[partition]);
                _known[partition] = _bound[partition] = next[partition];
            }
        }
    }

    public IReadOnlyList<LostOffsets> Lost(int number) => _lost[number];

    private void Resolve(int partition, long next)
    {
        if (next > _open[partition])
        {
            _lost[_openSince[partition]].Add(new LostOffsets(new PartitionId(partition), new LogOffset(_open[partition]), new LogOffset(next)));
        }

        _open[partition] = SegmentReader.Unknown;
    }
}
