using System.Runtime.CompilerServices;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Memory;

namespace OrleansFeatures.Domain.Windows;

/// <summary>What became of an event.</summary>
public enum ApplyResult
{
    Applied,

    /// <summary>An event of this id is already here; nothing changed.</summary>
    Duplicate,

    /// <summary>Older than what is still kept: no live value could show it.</summary>
    TooOld,

    /// <summary>A correction of an event that is not here as itself any more: it has left, or only a summary of it remains.</summary>
    NotHere,
}

/// <summary>
/// The retained events of one entity from one stream, in order of (event time, event id), whatever order they came in:
/// <code>
///        floor                            exact horizon = floor
///   past   |  chunks   [ oldest ........ ][ ............... ][ ....... newest ]
///   (sums) |           sparse entities: one chunk, named here; dense ones: a directory of chunks
/// </code>
/// All windows of all features share it: a window is a range of it. Appending the newest event costs a comparison and the writing of one row; a late one a
/// binary search and a shift within one chunk. Old events leave from the front; nothing is ever subtracted from a sum.
/// <para>A struct, because most entities have one timeline of one chunk, and an object of its own would cost more than the rows.</para>
/// </summary>
internal partial struct Timeline
{
    /// <summary>From so many chunks on, a new chunk has all its room at once.</summary>
    private const int DenseChunks = 4;

    /// <summary>Lines that a read is likely to look at: half a kilobyte, which is the rows of some twenty-five events.</summary>
    private const int ReadLines = 8;

    private ChunkDirectory? _many;

    /// <summary>The only chunk. With a directory, where the newest one was last seen: good for asking for its memory ahead, and for nothing else.</summary>
    private uint _single;
    private int _count;
    private long _floor;

    /// <summary>What remains of events that have left; null while that is nothing.</summary>
    public PastEvents? Past { get; private set; }

    /// <summary>The newest event time that has left; windows that reach back to it or beyond are not complete here.</summary>
    public readonly long FloorMicros => _floor == 0 ? long.MinValue : _floor - 1;

    /// <summary>Of a new timeline: events through this time are missing from what it will be given.</summary>
    public void BeginAfter(long micros) => _floor = micros == long.MinValue ? 0 : micros + 1;

    /// <summary>Rows held, superseded ones included.</summary>
    public readonly int Count => _count;

    public readonly bool IsEmpty => _count == 0;

    public readonly ChunkDirectory? Directory => _many;

    public readonly long LastTime(RowLayout layout) =>
        _count == 0 ? long.MinValue : _many is null ? Chunk.Open(layout, _single).LastTime : _many.At(_many.Newest).Last;

    /// <summary>Takes a row over with its texts, or releases them where it is not wanted.</summary>
    /// <param name="layout">What the entity shares with its neighbours.</param>
    /// <param name="row">The row's cells.</param>
    /// <param name="forgets">Whether events older than the retention leave.</param>
    /// <param name="again">Whether an event of this time and id that has been superseded may come again, as in an upsert.</param>
    public ApplyResult Insert(RowLayout layout, ReadOnlySpan<long> row, bool forgets, bool again)
    {
        if (row[RowLayout.Time] < _floor)
        {
            bool counted = Past is not null && Past.Add(layout, row);
            layout.Release(row);
            return counted ? ApplyResult.Applied : ApplyResult.TooOld;
        }

        if (_count == 0)
        {
            _single = Chunk.Create(layout, row, Chunk.FirstCapacity);
            _count = 1;
            return ApplyResult.Applied;
        }

        return _many is null ? InsertSingle(layout, row, forgets, again) : InsertMany(layout, row, forgets, again);
    }

    /// <summary>Marks the standing row of (time, id) as superseded from <paramref name="arrival"/> on; it stays for reads of what was known before.</summary>
    public ApplyResult Supersede(RowLayout layout, long time, long id, long arrival)
    {
        if (_count == 0 || time < _floor)
        {
            Past?.Muddle(layout, time);
            return ApplyResult.NotHere;
        }

        if (_many is null)
        {
            return Supersede(layout, ref _single, time, id, arrival) ? ApplyResult.Applied : ApplyResult.NotHere;
        }

        RowPosition place = ChunkFor(layout, time, id);
        ref ChunkEntry entry = ref _many.At(place);
        if (!Supersede(layout, ref entry.Handle, time, id, arrival))
        {
            return ApplyResult.NotHere;
        }

        Reweigh(layout, ref entry);
        entry.IsFolded = false;
        _many[place.Block].Change();
        return ApplyResult.Applied;
    }

    /// <summary>The first row with a time after <paramref name="time"/>; one behind the newest where there is none.</summary>
    public readonly RowPosition After(RowLayout layout, long time)
    {
        if (_many is null)
        {
            return new RowPosition(0, 0, _count == 0 ? 0 : Chunk.Open(layout, _single).CountThrough(time));
        }

        int block = FirstBlockEndingAfter(time);
        if (block == _many.BlockCount)
        {
            return End;
        }

        Span<ChunkEntry> entries = _many[block].Entries;
        int low = 0;
        int high = entries.Length - 1;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            (low, high) = entries[middle].Last <= time ? (middle + 1, high) : (low, middle);
        }

        return new RowPosition(block, low, entries[low].First > time ? 0 : Chunk.Open(layout, entries[low].Handle).CountThrough(time));
    }

    /// <summary>One behind the newest row.</summary>
    public readonly RowPosition End => _many is null ? new RowPosition(0, 0, _count) : _many.Newest with { Row = _many.At(_many.Newest).Count };

    /// <summary>Asks for the head of the newest chunk, and once that has come for the places where its columns end.</summary>
    public readonly void Warm(RowLayout layout, bool begun)
    {
        if (_single == 0)
        {
            return;
        }

        if (begun)
        {
            Chunk.WarmEnd(layout, _single);
            _many?.WarmNewest();
        }
        else
        {
            Prefetch.Line(ref layout.Memory.Slabs.At(_single));
            if (_many is not null)
            {
                Prefetch.Object(_many);
            }
        }
    }

    /// <summary>Asks for the rows of a sparse entity, or for the directory of a dense one. Any thread, also while another changes the timeline.</summary>
    public readonly void WarmRows(RowLayout layout)
    {
        if (_many is { } many)
        {
            Prefetch.Object(many);
        }
        else
        {
            layout.Memory.Slabs.Warm(_single, ReadLines);
        }
    }

    /// <summary>In what form events of that time are held.</summary>
    public readonly Presence PresenceOf(RowLayout layout, long time) =>
        time >= _floor ? Presence.Raw : layout.Plan.HasLifetime || (Past is { } past && time > past.FloorMicros) ? Presence.Summed : Presence.Gone;

    /// <summary>
    /// Sums up the oldest rows until those that remain take at most so many bytes. Whole hops at a time: the newest hop goes as well where it alone is too much. Returns how much event
    /// time that declared itself exact was summed up all the same.
    /// </summary>
    public long Compact(RowLayout layout, long bytes)
    {
        if (_many is null)
        {
            return 0;
        }

        long left = _many.RowBytes;
        long newest = LastTime(layout);
        RowPosition place = default;
        long last = _many.At(place).First;
        while (left > bytes && place.CompareTo(End) < 0)
        {
            ref ChunkEntry entry = ref _many.At(place);
            left -= entry.Bytes;
            last = entry.Last;
            place = NextChunk(place);
        }

        long through = PastEvents.HopEnd(last, layout.Plan.HopMicros);
        Past ??= BeginPast();
        Past.Compact(through, FloorMicros);
        Leave(layout, through, toBuckets: true);
        return Math.Max(0, through - (newest - layout.Plan.ExactForMicros));
    }

    /// <summary>Where a lifetime is wanted, nothing leaves without a sum; so what left before the first one was never here.</summary>
    private readonly PastEvents BeginPast() => new() { IsHeadless = _floor != 0 };

    /// <summary>Asks the sums to take no more than so much.</summary>
    public readonly void Shrink(RowLayout layout, long sumBytes) => Past?.Shrink(layout, sumBytes);

    /// <summary>Bytes of rows, without texts.</summary>
    public readonly long RowBytes(RowLayout layout) => _many?.RowBytes ?? (_single == 0 ? 0 : Chunk.Open(layout, _single).Bytes);

    /// <summary>Bytes of what finds and sums up the chunks of a dense timeline.</summary>
    public readonly long DirectoryBytes => _many?.Bytes ?? 0;

    /// <summary>The place of the first row at or after this position's chunk end: the next chunk's first row, or the end.</summary>
    public readonly RowPosition NextChunk(RowPosition place)
    {
        if (_many is null || place.Block >= _many.BlockCount)
        {
            return End;
        }

        return place.Chunk + 1 < _many[place.Block].Count ? new RowPosition(place.Block, place.Chunk + 1, 0)
            : place.Block + 1 < _many.BlockCount ? new RowPosition(place.Block + 1, 0, 0)
            : End;
    }

    /// <summary>The chunk before; its row is one behind its last. Null before the first.</summary>
    public readonly RowPosition? PreviousChunk(RowPosition place)
    {
        if (_many is null || (place.Block == 0 && place.Chunk == 0))
        {
            return null;
        }

        RowPosition before = place.Chunk > 0 ? new RowPosition(place.Block, place.Chunk - 1, 0) : new RowPosition(place.Block - 1, _many[place.Block - 1].Count - 1, 0);
        return before with { Row = _many.At(before).Count };
    }

    public readonly Chunk ChunkAt(RowLayout layout, RowPosition place) => Chunk.Open(layout, _many is null ? _single : _many.At(place).Handle);

    private static bool Supersede(RowLayout layout, ref uint handle, long time, long id, long arrival)
    {
        Chunk chunk = Chunk.Open(layout, handle);
        int row = chunk.CountThrough(layout, time, id) - 1;
        if (row < 0 || chunk.Compare(layout, row, time, id) != 0 || chunk[RowLayout.Until, row] != 0)
        {
            return false;
        }

        Chunk.Set(layout, ref handle, RowLayout.Until, row, long.MaxValue - arrival);
        return true;
    }

    /// <summary>Where the row goes; -1 where it is here already.</summary>
    private static int PlaceOf(RowLayout layout, uint handle, ReadOnlySpan<long> row, bool again)
    {
        Chunk chunk = Chunk.Open(layout, handle);
        int last = chunk.Count - 1;
        long time = row[RowLayout.Time];
        if (chunk[RowLayout.Time, last] < time)
        {
            return last + 1;
        }

        int at = chunk.CountThrough(layout, time, row[RowLayout.Id]);
        bool known = at > 0 && chunk.Compare(layout, at - 1, time, row[RowLayout.Id]) == 0;
        return known && !(again && chunk[RowLayout.Until, at - 1] != 0) ? -1 : at;
    }

    private ApplyResult InsertSingle(RowLayout layout, ReadOnlySpan<long> row, bool forgets, bool again)
    {
        int at = PlaceOf(layout, _single, row, again);
        if (at < 0)
        {
            layout.Release(row);
            return ApplyResult.Duplicate;
        }

        Chunk chunk = Chunk.Open(layout, _single);
        if (chunk.Count == chunk.Capacity)
        {
            // Before it takes more room, what is too old makes some: the chunk of a sparse entity stays as small as what it retains.
            if (forgets && MakeRoom(layout, Math.Max(row[RowLayout.Time], chunk.LastTime)))
            {
                return Insert(layout, row, forgets, again);
            }

            if (chunk.Count == Limits.ChunkRowsMax)
            {
                _many = new ChunkDirectory();
                _many.AddNewest(new ChunkEntry { First = chunk.FirstTime, Last = chunk.LastTime, Handle = _single, Count = chunk.Count, Bytes = chunk.Bytes });
                return InsertMany(layout, row, forgets, again);
            }
        }

        Chunk.Insert(layout, ref _single, at, row);
        _count++;
        return ApplyResult.Applied;
    }

    private ApplyResult InsertMany(RowLayout layout, ReadOnlySpan<long> row, bool forgets, bool again)
    {
        long time = row[RowLayout.Time];
        RowPosition place = ChunkFor(layout, time, row[RowLayout.Id]);
        ref ChunkEntry entry = ref _many!.At(place);
        int at = PlaceOf(layout, entry.Handle, row, again);
        if (at < 0)
        {
            layout.Release(row);
            return ApplyResult.Duplicate;
        }

        bool isNewest = place == _many.Newest;
        if (isNewest && at == entry.Count && entry.Count >= Limits.ChunkFillRows)
        {
            if (forgets)
            {
                DropTooOld(layout, time);
            }

            AddChunk(layout, row);
            return ApplyResult.Applied;
        }

        if (entry.Count == Limits.ChunkRowsMax)
        {
            Split(layout, place);
            return InsertMany(layout, row, forgets, again);
        }

        Chunk.Insert(layout, ref entry.Handle, at, row);
        Reweigh(layout, ref entry);
        _single = isNewest ? entry.Handle : _single;
        entry.Count++;
        entry.First = Math.Min(entry.First, time);
        entry.Last = Math.Max(entry.Last, time);
        entry.IsFolded = false;
        _many[place.Block].Change();
        _count++;
        return ApplyResult.Applied;
    }

    /// <summary>A chunk may have been packed anew, or have grown.</summary>
    private readonly void Reweigh(RowLayout layout, ref ChunkEntry entry)
    {
        int bytes = Chunk.Open(layout, entry.Handle).Bytes;
        _many!.RowBytes += bytes - entry.Bytes;
        entry.Bytes = bytes;
    }

    private void AddChunk(RowLayout layout, ReadOnlySpan<long> row)
    {
        int capacity = _many!.BlockCount > 1 || _many[0].Count >= DenseChunks ? Limits.ChunkRowsMax : Chunk.FirstCapacity * 4;
        uint handle = Chunk.Create(layout, row, capacity);
        _single = handle;
        _many.AddNewest(new ChunkEntry { First = row[RowLayout.Time], Last = row[RowLayout.Time], Handle = handle, Count = 1, Bytes = Chunk.Open(layout, handle).Bytes });
        _count++;
    }

    private readonly void Split(RowLayout layout, RowPosition place)
    {
        ref ChunkEntry entry = ref _many!.At(place);
        int keep = entry.Count / 2;
        uint newer = Chunk.Split(layout, entry.Handle, keep, Limits.ChunkRowsMax);
        Chunk chunk = Chunk.Open(layout, newer);
        var split = new ChunkEntry { First = chunk.FirstTime, Last = chunk.LastTime, Handle = newer, Count = chunk.Count, Bytes = chunk.Bytes };
        entry.Count = keep;
        entry.Last = Chunk.Open(layout, entry.Handle).LastTime;
        entry.IsFolded = false;
        _many[place.Block].Change();
        _many.AddAfter(place, split);
    }

    /// <summary>The last chunk whose first row is at or before (time, id); the first chunk if none is.</summary>
    private readonly RowPosition ChunkFor(RowLayout layout, long time, long id)
    {
        RowPosition newest = _many!.Newest;
        if (_many.At(newest).First < time)
        {
            return newest;
        }

        int low = 0;
        int high = _many.BlockCount - 1;
        while (low < high)
        {
            int middle = (low + high + 1) >>> 1;
            (low, high) = IsAtOrBefore(layout, _many[middle].Entries[0], time, id) ? (middle, high) : (low, middle - 1);
        }

        int block = low;
        Span<ChunkEntry> entries = _many[block].Entries;
        (low, high) = (0, entries.Length - 1);
        while (low < high)
        {
            int middle = (low + high + 1) >>> 1;
            (low, high) = IsAtOrBefore(layout, entries[middle], time, id) ? (middle, high) : (low, middle - 1);
        }

        return new RowPosition(block, low, 0);
    }

    private static bool IsAtOrBefore(RowLayout layout, in ChunkEntry entry, long time, long id) =>
        entry.First != time ? entry.First < time : Chunk.Open(layout, entry.Handle).Compare(layout, 0, time, id) <= 0;

    private readonly int FirstBlockEndingAfter(long time)
    {
        int low = 0;
        int high = _many!.BlockCount;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            (low, high) = _many[middle].Entries[^1].Last <= time ? (middle + 1, high) : (low, middle);
        }

        return low;
    }

    /// <summary>Lets go what is behind the retention of an entity whose newest event is this one, and says whether anything went.</summary>
    private bool MakeRoom(RowLayout layout, long newest)
    {
        int before = _count;
        long through = newest - layout.Plan.Retention.Micros;
        if (through >= 0 && _count > 0 && ChunkAt(layout, default).FirstTime <= through)
        {
            Leave(layout, Math.Min(through, CountHorizon(layout, newest)), toBuckets: false);
        }

        Past?.Forget(layout, through);
        return _count < before;
    }

    private void DropTooOld(RowLayout layout, long newest)
    {
        long through = newest - layout.Plan.Retention.Micros;
        if (_many!.At(default).Last <= through)
        {
            // By whole chunks: what is left of the oldest one costs less than moving it.
            long horizon = Math.Min(through, CountHorizon(layout, newest));
            RowPosition last = After(layout, horizon);
            if (last.Row > 0 || last.Chunk > 0 || last.Block > 0)
            {
                // Events of one time leave together: the floor is a time, and nothing at or before it can be corrected any more.
                while (PreviousChunk(last) is { } older && _many.At(older).Last == _many.At(last).First)
                {
                    last = older;
                }

                RowPosition? whole = PreviousChunk(last);
                if (whole is { } previous)
                {
                    Leave(layout, _many.At(previous).Last, toBuckets: false, wholeChunks: last);
                }
            }
        }

        Past?.Forget(layout, through);
    }

    /// <summary>
    /// Through when events may leave although windows count them, or a view looks at the newest one's age: each must still find all its events from the oldest instant that may be asked for.
    /// </summary>
    private readonly long CountHorizon(RowLayout layout, long newest)
    {
        long horizon = long.MaxValue;
        foreach (WindowPlan window in layout.Plan.CountWindows)
        {
            long oldestAsked = newest - layout.Plan.Slack.Micros - window.Delay.Micros;
            RowPosition? first = new TimelineReader(this, layout, EventTime.Never.Micros).Back(After(layout, oldestAsked), window.Window.Events, window.FilterBits);
            horizon = Math.Min(horizon, first is { } place ? ChunkAt(layout, place)[RowLayout.Time, place.Row] - 1 : long.MinValue);
        }

        foreach (ulong filterBits in layout.Plan.MaxAgeFilters)
        {
            // Where there is none, nothing that may leave is looked at for its age.
            RowPosition? first = new TimelineReader(this, layout, EventTime.Never.Micros).Back(After(layout, newest - layout.Plan.Slack.Micros), 1, filterBits);
            horizon = Math.Min(horizon, first is { } place ? ChunkAt(layout, place)[RowLayout.Time, place.Row] - 1 : long.MaxValue);
        }

        return horizon;
    }

    /// <summary>Takes every row with a time at or before <paramref name="through"/> out; with <paramref name="wholeChunks"/>, only the chunks before that place.</summary>
    private void Leave(RowLayout layout, long through, bool toBuckets, RowPosition? wholeChunks = null)
    {
        RowPosition end = wholeChunks is { } limit ? limit with { Row = 0 } : After(layout, through);
        if (end is { Block: 0, Chunk: 0, Row: 0 })
        {
            return;
        }

        long newestGone = through;
        if (_many is null)
        {
            newestGone = LeaveRows(layout, ref _single, end.Row, toBuckets);
            if (_count > 0)
            {
                Chunk.Tighten(layout, ref _single);
            }
        }
        else
        {
            for (RowPosition place = default; place.Block < end.Block || place.Chunk < end.Chunk; place = default)
            {
                ref ChunkEntry oldest = ref _many.At(default);
                int rows = oldest.Count;
                newestGone = LeaveRows(layout, ref oldest.Handle, rows, toBuckets);
                Chunk.Free(layout, oldest.Handle);
                bool emptiesBlock = _many[0].Count == 1;
                _many.RemoveOldest();
                end = emptiesBlock ? end with { Block = end.Block - 1 } : end.Block == 0 ? end with { Chunk = end.Chunk - 1 } : end;
            }

            if (end.Row > 0)
            {
                ref ChunkEntry oldest = ref _many.At(default);
                newestGone = LeaveRows(layout, ref oldest.Handle, end.Row, toBuckets);
                Chunk chunk = Chunk.Open(layout, oldest.Handle);
                oldest.Count = chunk.Count;
                oldest.First = chunk.Count == 0 ? oldest.Last : chunk.FirstTime;
                oldest.IsFolded = false;
                _many[0].Change();
            }
        }

        _floor = Math.Max(_floor, Math.Max(newestGone, toBuckets ? through : 0) + 1);
        if (_count == 0)
        {
            ReleaseEmpty(layout);
        }
    }

    /// <summary>Takes the first rows out of a chunk, into the summaries where somebody still wants them, and returns the newest time among them.</summary>
    private long LeaveRows(RowLayout layout, ref uint handle, int rows, bool toBuckets)
    {
        Span<long> cells = stackalloc long[layout.CellCount];
        Chunk chunk = Chunk.Open(layout, handle);
        long newest = chunk[RowLayout.Time, rows - 1];
        bool kept = toBuckets || layout.Plan.HasLifetime;
        if (kept || layout.TextCells.Length > 0)
        {
            for (int row = 0; row < rows; row++)
            {
                chunk.ReadRow(row, cells);
                if (kept)
                {
                    (Past ??= BeginPast()).Take(layout, cells, toBuckets);
                }

                layout.Release(cells);
            }
        }

        chunk.DropFirst(rows);
        _count -= rows;
        return newest;
    }

    /// <summary>Every row has gone: the timeline is as new, but for its floor and its past.</summary>
    private void ReleaseEmpty(RowLayout layout)
    {
        Chunk.Free(layout, _many is null ? _single : _many.At(default).Handle);
        (_single, _many) = (0, null);
    }
}
