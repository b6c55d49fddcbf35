using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;

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
    private int CountInTime()
    {
        int count = 0;
        foreach (Chunk chunk in _chunks)
        {
            (int from, int to) = Bounds(chunk);
            count += to - from;
        }

        return count;
    }

    /// <summary>
    /// Copies the event times of the passing rows that are not null in the column (null: of all passing rows), oldest first, and returns the column's values beside them: numbers, codes of
    /// <paramref name="texts"/>, or without a column the times themselves.
    /// </summary>
    public ReadOnlySpan<long> Gather(ColumnPlan? column, TextDictionary texts, WindowScratch scratch, out ReadOnlySpan<long> times)
    {
        int room = CountInTime();
        Span<long> values = scratch.Numbers(room);
        Span<long> taken = scratch.Times(room);
        ulong mask = _filter | (column?.NullBit ?? 0);
        int count = 0;
        foreach (Chunk chunk in _chunks)
        {
            (int from, int to) = Bounds(chunk);
            ReadOnlySpan<long> chunkTimes = chunk.Times[from..to];
            ReadOnlySpan<long> flags = chunk.Numbers(Chunk.FlagsSlot, from, to);
            bool isText = column?.Type == FieldType.String;
            ReadOnlySpan<long> cells = column is null ? chunkTimes : isText ? default : chunk.Numbers(column.Slot, from, to);
            ReadOnlySpan<string?> textCells = isText ? chunk.Texts(column!.Slot, from, to) : default;
            for (int row = 0; row < flags.Length; row++)
            {
                if (((ulong)flags[row] & mask) == _filter)
                {
                    values[count] = isText ? texts.CodeOf(textCells[row]!) : cells[row];
                    taken[count++] = chunkTimes[row];
                }
            }
        }

        times = taken[..count];
        return values[..count];
    }

    private (int From, int To) Bounds(Chunk chunk)
    {
        int from = chunk.FirstTime > _after ? 0 : chunk.CountThrough(_after);
        int to = chunk.LastTime <= _through ? chunk.Count : chunk.CountThrough(_through);
        return (from, to);
    }
}
