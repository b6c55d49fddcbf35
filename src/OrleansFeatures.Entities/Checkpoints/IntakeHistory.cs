using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Saving;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Log;
using OrleansFeatures.Log.Snapshots;

namespace OrleansFeatures.Entities.Checkpoints;

/// <summary>
/// What intake knows of history, in checkpoints: the ids of events, how far each producer has come, and what has been forgotten or cut. Nothing is collected while events come in: a checkpoint reads the log once from where
/// the one before it ended, which checks every frame again while all of it is still there.
/// <code>
///   log   ... | records of the last checkpoint | records since | ...
///                                         Through             to
///                                              └── ids ──> pages, producers ──> one page, counts and floors ──> the head's blob
/// </code>
/// One thread at a time.
/// </summary>
internal sealed class IntakeHistory
{
    private readonly EventIntake _intake;
    private readonly List<Page> _pages;

    /// <summary>Replaced and never changed once others see it: explanations and training reads look at it while segments go.</summary>
    private volatile Dictionary<uint, long> _floors;

    private readonly TimeMarks _marks;
    private StatePlace _clocks;
    private Pending? _pending;

    public IntakeHistory(EventIntake intake) : this(intake, [], [], new TimeMarks())
    {
    }

    private IntakeHistory(EventIntake intake, List<Page> pages, Dictionary<uint, long> floors, TimeMarks marks) => (_intake, _pages, _floors, _marks) = (intake, pages, floors, marks);

    /// <summary>Records up to here are in the pages.</summary>
    public LogSequence Through { get; private set; } = LogSequence.None;

    /// <summary>Of each stream whose oldest history was cut: the newest event time that went with it. Windows that reach back to it cannot be computed from the log.</summary>
    public IReadOnlyDictionary<uint, long> Floors => _floors;

    /// <summary>The producers' clocks, as the log tells them.</summary>
    public TimeMarks Marks => _marks;

    /// <summary>Of a store that has none.</summary>
    public static IntakeHistory None(int partitions, TimeProvider time) => new(new EventIntake(new PartitionMap(partitions), time));

    /// <summary>The same, to be saved with another generation; its pages lie where they did until then.</summary>
    public IntakeHistory Copy() => new(_intake, [.. _pages], new Dictionary<uint, long>(_floors), _marks) { Through = Through };

    /// <summary>One that has everything still to read from the log.</summary>
    public IntakeHistory Forgotten() => new(_intake, [], [], _marks);

    /// <summary>Nothing is known of what was cut from the log, but that it was older than this.</summary>
    public void CutBefore(IEnumerable<uint> streams, long micros)
    {
        var floors = new Dictionary<uint, long>(_floors);
        foreach (uint stream in streams)
        {
            floors[stream] = Math.Max(micros, floors.GetValueOrDefault(stream, long.MinValue));
        }

        _floors = floors;
    }

    /// <summary>Of another generation's checkpoint only what holds for all: counts and floors.</summary>
    public void LoadCounts(StateReader blob) => LoadCounts(ref blob);

    /// <summary>Takes what a checkpoint has saved, and tells the index of ids.</summary>
    public void Load(SnapshotStore states, SnapshotHead head, StateReader blob, IReadOnlyList<StateEntry> pages)
    {
        Through = head.Through;
        LoadCounts(ref blob);
        byte[] buffer = [];
        foreach (StateEntry entry in pages)
        {
            ReadOnlySpan<byte> page = states.Read(entry.Place, StateRecordKind.Page, ref buffer);
            if (entry.Tag == IdPage.Tag)
            {
                if (!LoadIds(entry.Place, page))
                {
                    states.Forget(entry.Place, entry.Length);
                }
            }
            else if (_clocks.IsNowhere)
            {
                // Newest first: older ones are garbage.
                _clocks = entry.Place;
                var from = new StateReader(page);
                _marks.Load(ref from);
                from.End();
            }
        }
    }

    /// <summary>Writes what has come since, up to a durable record, and lets go what is beyond the horizon. It counts from <see cref="Commit"/> on.</summary>
    public void Save(EventLog log, LogSequence to, SnapshotWriter writer, SnapshotStore? from, Catalog catalog, TimeSpan horizon, CancellationToken cancellationToken)
    {
        var pending = new Pending { Through = to, From = from };
        _pending = pending;
        if (to.CompareTo(Through) > 0)
        {
            var visitor = new Visitor(this, writer, pending);
            log.Read(new LogSequence(Math.Max(Through.Value + 1, log.FirstSequence.Value)), to, ref visitor, cancellationToken);
            visitor.Finish();
        }

        foreach (StreamPlan stream in catalog.Streams)
        {
            MarkForgotten(stream, horizon, pending);
        }

        if (from is not null)
        {
            CopyPages(from, writer, pending);
        }

        var clocks = new StateWriter();
        _marks.Save(clocks);
        pending.Clocks = writer.Add(StateRecordKind.Page, 0, 0, 0, 0, tag: 0, clocks.Written);
    }

    /// <summary>A page of a file that is to go: carried over if it still counts.</summary>
    public void CarryOver(SnapshotWriter writer, in StateEntry entry)
    {
        int index = IndexOf(entry.Place);
        if (entry.Tag == IdPage.Tag && index >= 0 && _pending is { } pending && !pending.Forgotten.Contains(entry.Place))
        {
            pending.Moved.Add((entry.Place, writer.Copy(entry)));
        }
    }

    /// <summary>Writes counts and floors into the head's blob, as they will be.</summary>
    public void SaveCounts(StateWriter blob)
    {
        HashSet<uint> streams = [.. _pages.Concat(_pending?.Added ?? []).Select(page => page.Stream), .. _floors.Keys, .. _marks.Streams];
        blob.Int32(streams.Count);
        foreach (uint stream in streams)
        {
            blob.Int32((int)stream);
            blob.Int64(_intake.Ids.Forgotten(stream));
            blob.Int64(_intake.Ids.ForgottenThrough(stream) ?? long.MinValue);
            blob.Int64(_floors.GetValueOrDefault(stream, long.MinValue));
        }
    }

    /// <summary>Forgets the ids of pages that are beyond the horizon. Before the head's blob is written, which says how many they are; should the checkpoint fail, a restart knows them again, which does no harm.</summary>
    public void Forget(SnapshotStore states)
    {
        byte[] buffer = [];
        foreach (StatePlace place in _pending?.Forgotten ?? [])
        {
            Page page = _pages[IndexOf(place)];
            _intake.Ids.BeginForgetting(page.Stream, page.NewestMicros);
            StateReader from = IdPage.Open((_pending!.From ?? states).Read(place, StateRecordKind.Page, ref buffer), out uint stream, out _, out int count);
            for (; count > 0; count--)
            {
                EventIdIndex.IdKey id = IdPage.Next(ref from, out EventIdIndex.IdVersion version);
                _intake.Ids.Forget(stream, id, version);
            }
        }
    }

    /// <summary>What was saved is durable.</summary>
    public void Commit(SnapshotStore states)
    {
        if (_pending is not { } pending)
        {
            return;
        }

        if (pending.From is null)
        {
            foreach (StatePlace place in pending.Forgotten.Append(_clocks))
            {
                states.Forget(place);
            }
        }

        _pages.RemoveAll(page => pending.Forgotten.Contains(page.Place));
        Dictionary<StatePlace, StatePlace> moved = pending.Moved.ToDictionary(move => move.From, move => move.To);
        for (int index = 0; index < _pages.Count; index++)
        {
            _pages[index] = _pages[index] with { Place = moved.GetValueOrDefault(_pages[index].Place, _pages[index].Place) };
        }

        _pages.AddRange(pending.Added);
        (_clocks, Through, _pending) = (pending.Clocks, pending.Through, null);
    }

    /// <summary>What was saved is not.</summary>
    public void Abandon() => _pending = null;

    /// <summary>The oldest segments are about to go: what is the newest event of each stream in them. Costs reading them once more.</summary>
    public void CutThrough(EventLog log, LogSequence through, CancellationToken cancellationToken)
    {
        var floors = new Dictionary<uint, long>(_floors);
        var visitor = new FloorVisitor(floors);
        log.Read(log.FirstSequence, through, ref visitor, cancellationToken);
        _floors = floors;
    }

    /// <summary>What is missing for whoever begins with this record: the newest event time before it, by stream. Costs reading what lies before.</summary>
    public IReadOnlyDictionary<uint, long> FloorsBefore(EventLog log, LogSequence from, CancellationToken cancellationToken)
    {
        var floors = new Dictionary<uint, long>(_floors);
        if (from.CompareTo(log.FirstSequence) > 0)
        {
            var visitor = new FloorVisitor(floors);
            log.Read(log.FirstSequence, new LogSequence(from.Value - 1), ref visitor, cancellationToken);
        }

        return floors;
    }

    private void CopyPages(SnapshotStore from, SnapshotWriter writer, Pending pending)
    {
        byte[] buffer = [];
        foreach (Page page in _pages.Where(page => !pending.Forgotten.Contains(page.Place)))
        {
            StatePlace copy = writer.Add(StateRecordKind.Page, 0, page.Stream, 0, 0, IdPage.Tag, from.Read(page.Place, StateRecordKind.Page, ref buffer));
            pending.Moved.Add((page.Place, copy));
            writer.Flush();
        }
    }

    private int IndexOf(StatePlace place) => _pages.FindIndex(page => page.Place == place);

    private void LoadCounts(ref StateReader blob)
    {
        for (int count = blob.Count(bytesEach: 28); count > 0; count--)
        {
            uint stream = (uint)blob.Int32();
            long forgotten = blob.Int64();
            long through = blob.Int64();
            long floor = blob.Int64();
            if (through != long.MinValue)
            {
                _intake.Ids.BeginForgetting(stream, through, forgotten);
            }

            if (floor != long.MinValue)
            {
                _floors[stream] = floor;
            }
        }
    }

    /// <summary>False for a page that has been forgotten, and lies on in a file that has not gone yet.</summary>
    private bool LoadIds(StatePlace place, ReadOnlySpan<byte> page)
    {
        StateReader from = IdPage.Open(page, out uint stream, out long newest, out int count);
        if (_intake.Ids.ForgottenThrough(stream) is { } forgotten && newest <= forgotten)
        {
            return false;
        }

        _pages.Add(new Page(stream, newest, place));
        for (; count > 0; count--)
        {
            EventIdIndex.IdKey id = IdPage.Next(ref from, out EventIdIndex.IdVersion version);
            _intake.Ids.Recall(stream, id, version);
        }

        from.End();
        return true;
    }

    private void MarkForgotten(StreamPlan stream, TimeSpan horizon, Pending pending)
    {
        if (stream.NeverTooLate || _intake.ArrivalClock.StreamTimeMicros(stream.Id) is not { } streamTime)
        {
            return;
        }

        long cut = streamTime - Math.Max((long)horizon.TotalMicroseconds, stream.Retention.Micros);
        foreach (Page page in _pages)
        {
            if (page.Stream == stream.Id && page.NewestMicros < cut)
            {
                pending.Forgotten.Add(page.Place);
            }
        }
    }

    private readonly record struct Page(uint Stream, long NewestMicros, StatePlace Place);

    /// <summary>What a checkpoint under way will have changed.</summary>
    private sealed class Pending
    {
        public required LogSequence Through { get; init; }

        /// <summary>Where the pages lie that were there before, if not in the store that is written: places name nothing in another.</summary>
        public SnapshotStore? From { get; init; }

        public List<Page> Added { get; } = [];

        public HashSet<StatePlace> Forgotten { get; } = [];

        public List<(StatePlace From, StatePlace To)> Moved { get; } = [];

        public StatePlace Clocks { get; set; }
    }

    private sealed class OpenPage(uint stream)
    {
        public uint Stream => stream;

        public StateWriter Bytes { get; } = new();

        public long NewestMicros { get; set; } = long.MinValue;
    }

    private readonly struct Visitor(IntakeHistory history, SnapshotWriter writer, Pending pending) : ILogVisitor
    {
        private readonly Dictionary<uint, OpenPage> _open = [];

        public bool Visit(LogRecord logged)
        {
            EventRecord record = EventRecord.Parse(logged.Payload);
            if (!record.IsPrimary)
            {
                return true;
            }

            EventIntake.Recall(record, history._marks);
            if (!_open.TryGetValue(record.StreamId, out OpenPage? page))
            {
                _open[record.StreamId] = page = new OpenPage(record.StreamId);
                IdPage.Begin(page.Bytes, page.Stream);
            }

            // A delete may be of an event whose time nobody knows: it stays as long as what came with it.
            page.NewestMicros = Math.Max(page.NewestMicros, record.Operation == EventOperation.Delete ? Math.Max(record.Time.Micros, history._marks.NewestOf(record.StreamId)) : record.Time.Micros);
            if (!IdPage.Add(page.Bytes, EventIntake.KeyOf(record), EventIntake.VersionOf(record, logged.Sequence)))
            {
                Close(page);
                IdPage.Begin(page.Bytes, page.Stream);
            }

            return true;
        }

        public void Finish()
        {
            foreach (OpenPage page in _open.Values.Where(page => IdPage.Count(page.Bytes) > 0))
            {
                Close(page);
            }
        }

        private void Close(OpenPage page)
        {
            StatePlace place = writer.Add(StateRecordKind.Page, 0, page.Stream, 0, 0, IdPage.Tag, IdPage.Finish(page.Bytes, page.NewestMicros));
            pending.Added.Add(new Page(page.Stream, page.NewestMicros, place));
            page.NewestMicros = long.MinValue;
            writer.Flush();
        }
    }

    private readonly struct FloorVisitor(Dictionary<uint, long> floors) : ILogVisitor
    {
        public bool Visit(LogRecord logged)
        {
            EventRecord record = EventRecord.Parse(logged.Payload);
            floors[record.StreamId] = Math.Max(record.Time.Micros, floors.GetValueOrDefault(record.StreamId, long.MinValue));
            return true;
        }
    }
}
