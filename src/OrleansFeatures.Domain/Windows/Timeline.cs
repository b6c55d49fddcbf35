using OrleansFeatures.Domain.Definitions;

namespace OrleansFeatures.Domain.Windows;

/// <summary>What became of an event.</summary>
public enum ApplyResult
{
    Applied,

    /// <summary>An event of this id is already here; nothing changed.</summary>
    Duplicate,

    /// <summary>Older than what is still kept: no live value could show it.</summary>
    TooOld,
}

/// <summary>
/// The retained events of one entity from one stream, in order of (event time, event id), whatever order they came in:
/// <code>
///   chunks   [ oldest ........ ][ ............... ][ ....... newest ]
///   floor ^ nothing at or before this time is kept any more
/// </code>
/// All windows of all features share it: a window is a range of it. Appending the newest event is O(1); a late one costs a binary search
/// and a shift within one chunk. Old events leave by whole chunks, so nothing is ever subtracted from anything.
/// </summary>
internal sealed class Timeline(TimelinePlan plan, bool forgets)
{
    private Chunk[] _chunks = [];
    private int _count;

    public TimelinePlan Plan => plan;

    /// <summary>The newest event time that has been dropped; reads at or before it would be incomplete.</summary>
    public long FloorMicros { get; private set; } = long.MinValue;

    public long EventCount { get; private set; }

    public long LastTimeMicros => _count == 0 ? long.MinValue : _chunks[_count - 1].LastTime;

    public ReadOnlySpan<Chunk> Chunks => _chunks.AsSpan(0, _count);

    public ApplyResult Insert(in RowView row)
    {
        if (row.Time <= FloorMicros)
        {
            return ApplyResult.TooOld;
        }

        int index = ChunkFor(row);
        if (index < 0)
        {
            AddChunk(0, new Chunk(plan.NumberSlots, plan.TextSlots));
            index = 0;
        }

        int at = _chunks[index].Search(row);
        if (at >= 0)
        {
            return ApplyResult.Duplicate;
        }

        (Chunk chunk, int place) = MakeRoom(index, ~at);
        chunk.Insert(place, row);
        EventCount++;
        if (forgets)
        {
            DropBefore(LastTimeMicros - plan.Retention.Micros);
        }

        return ApplyResult.Applied;
    }

    /// <summary>The index of the first chunk that holds a time after <paramref name="time"/>.</summary>
    public int FirstChunkAfter(long time)
    {
        int low = 0;
        int high = _count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            (low, high) = _chunks[middle].LastTime <= time ? (middle + 1, high) : (low, middle);
        }

        return low;
    }

    /// <summary>The last chunk whose first row is at or before the row (the first chunk if none is); -1 when there are no chunks.</summary>
    private int ChunkFor(in RowView row)
    {
        int index = _count - 1;
        if (index <= 0 || row.CompareTo(_chunks[index], 0) >= 0)
        {
            return index;
        }

        int low = 0;
        int high = index - 1;
        while (low < high)
        {
            int middle = (low + high + 1) >>> 1;
            (low, high) = row.CompareTo(_chunks[middle], 0) >= 0 ? (middle, high) : (low, middle - 1);
        }

        return low;
    }

    /// <summary>A chunk with room, and the row's place in it. The newest end opens a new chunk, so that in-order chunks stay full; elsewhere a full chunk splits.</summary>
    private (Chunk Chunk, int Place) MakeRoom(int index, int place)
    {
        Chunk chunk = _chunks[index];
        if (!chunk.IsFull)
        {
            return (chunk, place);
        }

        if (index == _count - 1 && place == chunk.Count)
        {
            return (AddChunk(_count, new Chunk(plan.NumberSlots, plan.TextSlots, Limits.ChunkRowsMax)), 0);
        }

        Chunk newer = AddChunk(index + 1, chunk.SplitNewerHalf());
        return place <= chunk.Count ? (chunk, place) : (newer, place - chunk.Count);
    }

    private Chunk AddChunk(int at, Chunk chunk)
    {
        if (_count == _chunks.Length)
        {
            Array.Resize(ref _chunks, Math.Max(1, _count * 2));
        }

        Array.Copy(_chunks, at, _chunks, at + 1, _count - at);
        _chunks[at] = chunk;
        _count++;
        return chunk;
    }

    private void DropBefore(long time)
    {
        int drop = 0;
        while (drop < _count - 1 && _chunks[drop].LastTime <= time)
        {
            FloorMicros = _chunks[drop].LastTime;
            EventCount -= _chunks[drop].Count;
            drop++;
        }

        if (drop > 0)
        {
            Array.Copy(_chunks, drop, _chunks, 0, _count - drop);
            Array.Clear(_chunks, _count - drop, drop);
            _count -= drop;
        }
    }
}
