using System.Runtime.InteropServices;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Summaries;

namespace OrleansFeatures.Domain.Windows;

/// <summary>
/// Reads ranges of a timeline as it was known at some arrival time. What is known today takes the short way: whole chunks and blocks answer with their folds. What was known
/// earlier looks at every row, because a fold does not know when its rows came.
/// <code>
///   range           |-------------------------------------------|
///   rows of         [ c ][ c ][ c ]...[ block ][ block ]...[ c ][ c ]
///   looked at:       rows  fold         total    total      fold rows
/// </code>
/// </summary>
internal readonly ref struct TimelineReader(Timeline timeline, RowLayout layout, long knownAt)
{
    private readonly Timeline _timeline = timeline;
    private readonly RowLayout _layout = layout;
    private readonly bool _today = knownAt == EventTime.Never.Micros;
    private readonly long _knownAt = knownAt;

    /// <summary>The fold of a lane over the rows [from, to).</summary>
    public Fold Fold(RowPosition from, RowPosition to, int laneIndex)
    {
        LanePlan lane = _layout.Plan.Lanes[laneIndex];
        FieldType type = lane.Column < 0 ? FieldType.Null : _layout.Plan.Columns[lane.Column].Type;
        Fold fold = default;
        for (RowPosition place = from; place.CompareTo(to) < 0;)
        {
            if (_today && place is { Chunk: 0, Row: 0 } && place.Block < to.Block && _timeline.Directory is { } directory)
            {
                fold.Merge(TotalsOf(directory[place.Block])[laneIndex], type, lane.Moments);
                place = new RowPosition(place.Block + 1, 0, 0);
                continue;
            }

            bool isLast = place.Block == to.Block && place.Chunk == to.Chunk;
            Chunk chunk = _timeline.ChunkAt(_layout, place);
            int end = isLast ? to.Row : chunk.Count;
            if (_today && place.Row == 0 && end == chunk.Count && _timeline.Directory is { } many)
            {
                fold.Merge(FoldsOf(many[place.Block], place.Chunk)[laneIndex], type, lane.Moments);
            }
            else
            {
                fold.Merge(FoldRows(chunk, place.Row, end, lane, type), type, lane.Moments);
            }

            place = isLast ? to : _timeline.NextChunk(place);
        }

        return fold;
    }

    /// <summary>
    /// Copies the rows of [from, to) that count for a filter and are null in no column that the plan names: values (times where there is no column), and on
    /// request categories and what stands beside each value, in the room for times. Returns how many; the scratch holds them.
    /// </summary>
    public int Gather(RowPosition from, RowPosition to, GatherPlan plan, WindowScratch scratch)
    {
        int room = RowsIn(from, to);
        Span<long> values = scratch.Numbers(room);
        Span<long> beside = plan.NeedsBeside ? scratch.Times(room) : default;
        Span<long> categories = plan.By >= 0 ? scratch.Categories(room) : default;
        Span<long> flags = stackalloc long[Limits.ChunkRowsMax];
        int valueCell = plan.Column < 0 ? RowLayout.Time : RowLayout.FirstColumn + plan.Column;
        int besideCell = plan.OrderBy < 0 ? RowLayout.Time : RowLayout.FirstColumn + plan.OrderBy;
        ulong nulls = NullBit(plan.Column) | NullBit(plan.By) | NullBit(plan.OrderBy);
        int count = 0;
        for (RowPosition place = from; place.CompareTo(to) < 0;)
        {
            bool isLast = place.Block == to.Block && place.Chunk == to.Chunk;
            Chunk chunk = _timeline.ChunkAt(_layout, place);
            int end = isLast ? to.Row : chunk.Count;
            int rows = end - place.Row;
            chunk.Read(valueCell, place.Row, end, values[count..]);
            if (plan.NeedsBeside)
            {
                chunk.Read(besideCell, place.Row, end, beside[count..]);
            }

            if (plan.By >= 0)
            {
                chunk.Read(RowLayout.FirstColumn + plan.By, place.Row, end, categories[count..]);
            }

            if (chunk.Shape.IsPlain && _today && plan.FilterBits == 0)
            {
                count += rows;
            }
            else
            {
                chunk.Read(RowLayout.Flags, place.Row, end, flags);
                int kept = count;
                for (int row = 0; row < rows; row++)
                {
                    if (((ulong)flags[row] & (plan.FilterBits | nulls)) == plan.FilterBits && Stands(chunk, place.Row + row))
                    {
                        values[kept] = values[count + row];
                        if (plan.NeedsBeside)
                        {
                            beside[kept] = beside[count + row];
                        }

                        if (plan.By >= 0)
                        {
                            categories[kept] = categories[count + row];
                        }

                        kept++;
                    }
                }

                count = kept;
            }

            place = isLast ? to : _timeline.NextChunk(place);
        }

        return count;
    }

    /// <summary>The place of the n-th newest row before <paramref name="end"/> that counts for the filter; null where there are fewer.</summary>
    public RowPosition? Back(RowPosition end, int n, ulong filterBits)
    {
        RowPosition? place = end;
        while (place is { } at)
        {
            if (at.Row > 0)
            {
                Chunk chunk = _timeline.ChunkAt(_layout, at);
                if (_today && filterBits == 0 && chunk.Shape.IsPlain && at.Row < n)
                {
                    n -= at.Row;
                }
                else
                {
                    for (int row = at.Row - 1; row >= 0; row--)
                    {
                        if (Counts(chunk, row, filterBits) && --n == 0)
                        {
                            return at with { Row = row };
                        }
                    }
                }
            }

            place = _timeline.PreviousChunk(at);
        }

        return null;
    }

    /// <summary>
    /// Where the session begins that is under way at <paramref name="through"/>: the rows before <paramref name="end"/> are followed back as long as no pause is longer than the gap, and
    /// not beyond <paramref name="notBefore"/>. <see cref="RowPosition"/> end where no session is under way; null where the session begins before what is held here.
    /// </summary>
    public RowPosition? SessionStart(RowPosition end, long through, long gap, long notBefore, ulong filterBits)
    {
        RowPosition start = end;
        long next = through;
        RowPosition? place = end;
        while (place is { } at)
        {
            Chunk chunk = at.Row > 0 ? _timeline.ChunkAt(_layout, at) : default;
            bool isWithin = at.Row > 0 && filterBits == 0 && AllStand(chunk) && IsUnbroken(chunk, at.Row, next, gap, notBefore);
            if (isWithin)
            {
                next = chunk[RowLayout.Time, 0];
                start = at with { Row = 0 };
            }

            for (int row = at.Row - 1; row >= 0 && !isWithin; row--)
            {
                if (Counts(chunk, row, filterBits))
                {
                    long time = chunk[RowLayout.Time, row];
                    if (next - time > gap || time <= notBefore)
                    {
                        return start;
                    }

                    next = time;
                    start = at with { Row = row };
                }
            }

            place = _timeline.PreviousChunk(at);
        }

        return _timeline.FloorMicros > notBefore && next - gap <= _timeline.FloorMicros ? null : start;
    }

    /// <summary>
    /// Whether a session that goes on at <paramref name="next"/> holds all of a chunk's first rows, as the first and the last of them show: together they take no longer than one pause may.
    /// So a long session of a busy entity costs a look at each chunk and not at each event.
    /// </summary>
    private static bool IsUnbroken(in Chunk chunk, int rows, long next, long gap, long notBefore)
    {
        long newest = chunk[RowLayout.Time, rows - 1];
        long oldest = chunk[RowLayout.Time, 0];
        return next - newest <= gap && newest - oldest <= gap && oldest > notBefore;
    }

    /// <summary>The time of the first row of [from, to) that counts for a lane; the end of time where none does.</summary>
    public long FirstTime(RowPosition from, RowPosition to, int laneIndex)
    {
        LanePlan lane = _layout.Plan.Lanes[laneIndex];
        ulong nulls = lane.Column < 0 ? 0 : _layout.Plan.Columns[lane.Column].NullBit;
        for (RowPosition place = from; place.CompareTo(to) < 0;)
        {
            bool isLast = place.Block == to.Block && place.Chunk == to.Chunk;
            Chunk chunk = _timeline.ChunkAt(_layout, place);
            int end = isLast ? to.Row : chunk.Count;
            for (int row = place.Row; row < end; row++)
            {
                if (((ulong)chunk[RowLayout.Flags, row] & nulls) == 0 && Counts(chunk, row, lane.FilterBits))
                {
                    return chunk[RowLayout.Time, row];
                }
            }

            place = isLast ? to : _timeline.NextChunk(place);
        }

        return long.MaxValue;
    }

    /// <summary>Adds the rows [from, to) to one spec of a sum.</summary>
    public void Sum(RowPosition from, RowPosition to, Summary sum, int spec)
    {
        Span<long> cells = stackalloc long[_layout.CellCount];
        for (RowPosition place = from; place.CompareTo(to) < 0;)
        {
            bool isLast = place.Block == to.Block && place.Chunk == to.Chunk;
            Chunk chunk = _timeline.ChunkAt(_layout, place);
            int end = isLast ? to.Row : chunk.Count;
            for (int row = place.Row; row < end; row++)
            {
                if (Stands(chunk, row))
                {
                    chunk.ReadRow(row, cells);
                    sum.Add(_layout.SummaryRowOf(cells), spec);
                }
            }

            place = isLast ? to : _timeline.NextChunk(place);
        }
    }

    /// <summary>The rows' shares of the texts that they name.</summary>
    public long TextBytes()
    {
        double bytes = 0;
        for (RowPosition place = default; place.CompareTo(_timeline.End) < 0 && _layout.TextCells.Length > 0; place = _timeline.NextChunk(place))
        {
            Chunk chunk = _timeline.ChunkAt(_layout, place);
            for (int row = 0; row < chunk.Count; row++)
            {
                foreach (int cell in _layout.TextCells)
                {
                    bytes += _layout.Memory.Texts.ShareOf(chunk[cell, row]);
                }
            }
        }

        return (long)bytes;
    }

    /// <summary>Rows of [from, to), standing or not.</summary>
    private int RowsIn(RowPosition from, RowPosition to)
    {
        if (_timeline.Directory is not { } directory || (from.Block == to.Block && from.Chunk == to.Chunk))
        {
            return Math.Max(0, to.Row - from.Row);
        }

        int rows = to.Row - from.Row;
        for (int block = from.Block; block <= to.Block; block++)
        {
            Span<ChunkEntry> entries = directory[block].Entries;
            int first = block == from.Block ? from.Chunk : 0;
            int end = block == to.Block ? to.Chunk : entries.Length;
            for (int chunk = first; chunk < end; chunk++)
            {
                rows += entries[chunk].Count;
            }
        }

        return rows;
    }

    private ulong NullBit(int column) => column < 0 ? 0 : _layout.Plan.Columns[column].NullBit;

    private bool Counts(in Chunk chunk, int row, ulong filterBits) =>
        ((ulong)chunk[RowLayout.Flags, row] & filterBits) == filterBits && Stands(chunk, row);

    /// <summary>Whether <see cref="Stands"/> holds for every row of a chunk, as its packing shows.</summary>
    private bool AllStand(in Chunk chunk) => _today && chunk.Shape.Columns[RowLayout.Until].Width == 0;

    /// <summary>Whether a row had come by then and no correction of it had.</summary>
    private bool Stands(in Chunk chunk, int row)
    {
        long until = chunk[RowLayout.Until, row];
        return _today ? until == 0 : chunk[RowLayout.Arrival, row] <= _knownAt && _knownAt < long.MaxValue - until;
    }

    private Fold FoldRows(in Chunk chunk, int from, int to, LanePlan lane, FieldType type)
    {
        bool all = chunk.Shape.IsPlain && _today && lane.FilterBits == 0;
        if (all && lane.Column < 0)
        {
            return Windows.Fold.OfCount(to - from);
        }

        if (all && type == FieldType.Double && chunk.Shape.Columns[RowLayout.FirstColumn + lane.Column].Width == sizeof(long))
        {
            return Windows.Fold.Of(MemoryMarshal.Cast<long, double>(chunk.Whole(RowLayout.FirstColumn + lane.Column, from, to)), lane.Moments);
        }

        Span<long> values = stackalloc long[Limits.ChunkRowsMax];
        chunk.Read(lane.Column < 0 ? RowLayout.Time : RowLayout.FirstColumn + lane.Column, from, to, values);
        int count = all ? to - from : Keep(chunk, from, to, lane, values);
        return lane.Column < 0 || type == FieldType.String ? Windows.Fold.OfCount(count)
            : type == FieldType.Double ? Windows.Fold.Of(MemoryMarshal.Cast<long, double>(values[..count]), lane.Moments)
            : Windows.Fold.Of(values[..count], lane.Moments);
    }

    /// <summary>Moves the values of the rows that count for the lane to the front, and returns how many.</summary>
    private int Keep(in Chunk chunk, int from, int to, LanePlan lane, Span<long> values)
    {
        Span<long> flags = stackalloc long[Limits.ChunkRowsMax];
        chunk.Read(RowLayout.Flags, from, to, flags);
        ulong nulls = lane.Column < 0 ? 0 : _layout.Plan.Columns[lane.Column].NullBit;
        int kept = 0;
        for (int row = from; row < to; row++)
        {
            values[kept] = values[row - from];
            kept += ((ulong)flags[row - from] & (lane.FilterBits | nulls)) == lane.FilterBits && Stands(chunk, row) ? 1 : 0;
        }

        return kept;
    }

    private ReadOnlySpan<Fold> FoldsOf(ChunkBlock block, int index)
    {
        ref ChunkEntry entry = ref block.Entries[index];
        Span<Fold> folds = block.FoldsOf(index, _layout.Plan.Lanes.Length);
        if (!entry.IsFolded)
        {
            Chunk chunk = Chunk.Open(_layout, entry.Handle);
            for (int lane = 0; lane < folds.Length; lane++)
            {
                LanePlan plan = _layout.Plan.Lanes[lane];
                folds[lane] = FoldRows(chunk, 0, entry.Count, plan, plan.Column < 0 ? FieldType.Null : _layout.Plan.Columns[plan.Column].Type);
            }

            entry.IsFolded = true;
        }

        return folds;
    }

    private ReadOnlySpan<Fold> TotalsOf(ChunkBlock block)
    {
        Span<Fold> totals = block.Totals(_layout.Plan.Lanes.Length);
        if (!block.IsFolded)
        {
            totals.Clear();
            for (int chunk = 0; chunk < block.Count; chunk++)
            {
                ReadOnlySpan<Fold> folds = FoldsOf(block, chunk);
                for (int lane = 0; lane < totals.Length; lane++)
                {
                    LanePlan plan = _layout.Plan.Lanes[lane];
                    totals[lane].Merge(folds[lane], plan.Column < 0 ? FieldType.Null : _layout.Plan.Columns[plan.Column].Type, plan.Moments);
                }
            }

            block.IsFolded = true;
        }

        return totals;
    }
}
