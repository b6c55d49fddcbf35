using OrleansFeatures.Domain.Definitions;

namespace OrleansFeatures.Domain.Windows;

/// <summary>
/// The rows of a timeline in (<c>after</c>, <c>through</c>], optionally only those whose flags have all bits of a filter. Walks chunk by
/// chunk, oldest first; the inner chunks lie wholly inside, only the two ends are searched.
/// </summary>
internal readonly ref struct RowRange
{
    private readonly ReadOnlySpan<Chunk> _chunks;
    private readonly long _after;
    private readonly long _through;
    private readonly ulong _filter;

    public RowRange(Timeline timeline, long after, long through, ulong filter)
    {
        _after = after;
        _through = through;
        _filter = filter;
        int first = timeline.FirstChunkAfter(after);
        int end = first;
        ReadOnlySpan<Chunk> chunks = timeline.Chunks;
        while (end < chunks.Length && chunks[end].FirstTime <= through)
        {
            end++;
        }

        _chunks = chunks[first..end];
    }

    /// <summary>Rows in time, before the filter: what a gathering needs room for.</summary>
    public int CountInTime()
    {
        int count = 0;
        foreach (Chunk chunk in _chunks)
        {
            (int from, int to) = Bounds(chunk);
            count += to - from;
        }

        return count;
    }

    /// <summary>Rows in time that pass the filter.</summary>
    public int Count()
    {
        if (_filter == 0)
        {
            return CountInTime();
        }

        int count = 0;
        foreach (Chunk chunk in _chunks)
        {
            (int from, int to) = Bounds(chunk);
            foreach (long flags in chunk.Numbers(Chunk.FlagsSlot, from, to))
            {
                count += ((ulong)flags & _filter) == _filter ? 1 : 0;
            }
        }

        return count;
    }

    /// <summary>Copies a number column's values of the passing rows that are not null, oldest first.</summary>
    public ReadOnlySpan<long> Gather(ColumnPlan column, WindowScratch scratch)
    {
        Span<long> values = scratch.Numbers(CountInTime());
        int count = 0;
        foreach (Chunk chunk in _chunks)
        {
            (int from, int to) = Bounds(chunk);
            ReadOnlySpan<long> cells = chunk.Numbers(column.Slot, from, to);
            ReadOnlySpan<long> flags = chunk.Numbers(Chunk.FlagsSlot, from, to);
            for (int row = 0; row < cells.Length; row++)
            {
                values[count] = cells[row];
                count += Passes(flags[row], column) ? 1 : 0;
            }
        }

        return values[..count];
    }

    /// <summary>The same for a text column.</summary>
    public ReadOnlySpan<string?> GatherTexts(ColumnPlan column, WindowScratch scratch)
    {
        Span<string?> values = scratch.Texts(CountInTime());
        int count = 0;
        foreach (Chunk chunk in _chunks)
        {
            (int from, int to) = Bounds(chunk);
            ReadOnlySpan<string?> cells = chunk.Texts(column.Slot, from, to);
            ReadOnlySpan<long> flags = chunk.Numbers(Chunk.FlagsSlot, from, to);
            for (int row = 0; row < cells.Length; row++)
            {
                values[count] = cells[row];
                count += Passes(flags[row], column) ? 1 : 0;
            }
        }

        return values[..count];
    }

    private bool Passes(long flags, ColumnPlan column) => ((ulong)flags & (_filter | column.NullBit)) == _filter;

    private (int From, int To) Bounds(Chunk chunk)
    {
        int from = chunk.FirstTime > _after ? 0 : chunk.CountThrough(_after);
        int to = chunk.LastTime <= _through ? chunk.Count : chunk.CountThrough(_through);
        return (from, to);
    }
}
