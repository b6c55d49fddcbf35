using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.Intake;

/// <summary>
/// Events on their way into the log. Each insert is checked, claimed by its id, and encoded once for every entity that it concerns: the first copy is
/// the primary (raw history is the primaries), its other copies follow it directly, so that after a torn write only the very last event
/// can lack some. Corrections are checked and kept; what they do depends on the version that they meet, so they are resolved while the batch is appended, behind its
/// inserts (<see cref="CorrectionLines"/>). That order changes nothing: an insert of an event that a correction has touched is a duplicate, and a correction of an event that was just
/// inserted replaces it. One thread builds it; the host appends it; disposing gives back what did not get in.
/// <para>A *deferred* batch is for a log that several processes append to: only inside its append is known which ids it has and what time it is. It checks events and keeps them; every event that is not refused is pending, and the
/// append runs them through an ordinary batch (<see cref="AddDeferredTo"/>), whose outcomes become its own (<see cref="TakeOutcomes"/>).</para>
/// </summary>
public sealed class IntakeBatch : IDisposable
{
    private readonly EventIntake _intake;
    private readonly IDisposable _lease;
    private readonly List<Claim> _claims = [];
    private readonly List<Claim> _correctionClaims = [];
    private readonly HashSet<Task> _originals = [];
    private readonly List<AppendBatch> _parts = [];
    private readonly List<Correction> _unresolved = [];
    private readonly List<CorrectionOutcome> _outcomes = [];
    private readonly TaskCompletionSource _insertsDurable = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _appended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly EventTime _arrival;
    private readonly List<DeferredEvent>? _deferred;
    private IntakeBatch? _inner;
    private TaskCompletionSource _woken = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _keptBytes;
    private SortedDictionary<int, long>? _positions;
    private bool _disposed;

    internal IntakeBatch(EventIntake intake, long number, Catalog catalog, EventRecordWriter writer, IDisposable lease, bool isDeferred = false)
    {
        _deferred = isDeferred ? [] : null;
        _intake = intake;
        _lease = lease;
        _arrival = intake.ArrivalNow();
        Number = number;
        Writer = writer;
        Catalog = catalog;
    }

    /// <summary>The definitions that this batch is read against.</summary>
    public Catalog Catalog { get; }

    /// <summary>The inserts' records; empty when every event was refused, a duplicate or a correction.</summary>
    public AppendBatch Records { get; } = new();

    /// <summary>What became of the events whose result is pending, in the order in which they were added. Complete once the batch has been appended.</summary>
    public IReadOnlyList<CorrectionOutcome> Corrections => _outcomes;

    /// <summary>About how many bytes of the log the batch takes.</summary>
    public int Bytes => Records.Bytes + _keptBytes;

    /// <summary>Of a deferred batch: the events that it keeps, in the order in which they were added. Empty of any other.</summary>
    public IReadOnlyList<DeferredEvent> Deferred => _deferred ?? (IReadOnlyList<DeferredEvent>)[];

    /// <summary>The batch's number among all: what a claimed id points to.</summary>
    internal long Number { get; }

    internal EventRecordWriter Writer { get; }

    /// <summary>Completes when the inserts are durable, or failed: what a correction of one of them waits for.</summary>
    internal Task InsertsDurable => _insertsDurable.Task;

    /// <summary>Completes when everything is durable, or failed: what a duplicate of one of them waits for.</summary>
    internal Task Appended => _appended.Task;

    /// <summary>What the clock of reads learns once the inserts have been applied.</summary>
    internal TimeMarks Marks { get; } = new();

    /// <summary>Corrections that are not resolved yet.</summary>
    internal IReadOnlyList<Correction> Unresolved => _unresolved;

    /// <summary>Drops from <see cref="Unresolved"/> what has been resolved.</summary>
    internal void Tidy() => _unresolved.RemoveAll(correction => _outcomes[correction.Number].Result != IntakeResult.Pending);

    /// <summary>
    /// Takes one event. <paramref name="fields"/> are by position of <paramref name="version"/>, each of its declared type or null; a delete needs only the id. On Refused the
    /// note says why; nothing of the event is kept and its neighbours go on. An insert's result is definite at once; a correction's is Pending, because it depends on
    /// corrections of the same event that are under way: it is resolved when the batch is appended.
    /// </summary>
    public IntakeResult Add(StreamPlan stream, StreamVersion version, ReadOnlySpan<Value> fields, in Provenance provenance, out IntakeNote note)
    {
        EventRefusal? refusal = Refuse(stream, version, fields, provenance);
        note = IntakeNote.Of(refusal);
        if (refusal is not null)
        {
            return IntakeResult.Refused;
        }

        EventIdIndex.IdKey id = EventIntake.KeyOf(fields[version.IdPosition]);
        if (_deferred is not null)
        {
            note = new IntakeNote { StreamTimeMicros = EventRecord.NoStreamTime, Correction = Defer(stream, version, fields, provenance, id) };
            return IntakeResult.Pending;
        }

        if (provenance.Operation != EventOperation.Insert)
        {
            note = new IntakeNote { StreamTimeMicros = EventRecord.NoStreamTime, Correction = Keep(stream, version, fields, provenance, id) };
            return IntakeResult.Pending;
        }

        // Room first: an id that is claimed and not remembered, because memory ran out between the two, would be nobody's for ever.
        _claims.EnsureCapacity(_claims.Count + 1);
        if (!_intake.TryClaim(this, stream.Id, id))
        {
            _intake.CountDuplicate(stream.Id);
            return IntakeResult.Duplicate;
        }

        long time = fields[version.TimePosition].Bits;
        if (_intake.Ids.ForgottenThrough(stream.Id) is { } forgotten && time <= forgotten)
        {
            _intake.Ids.Release(stream.Id, id);
            note = IntakeNote.Of(EventIntake.RefuseForgotten(version, new EventTime(forgotten)));
            return IntakeResult.Refused;
        }

        _claims.Add(new Claim(stream.Id, id, Records.Count));
        long streamTime = See(Marks, stream.Id, provenance.Producer, time);
        Encode(stream, version, fields, new EventArrival(provenance.Arrival ?? _arrival, streamTime, EventOperation.Insert, EventVersion.None), provenance.Producer);
        return _intake.Judge(stream, time, streamTime, streamTime, out note);
    }

    /// <summary>Runs the kept events through an ordinary batch. Several deferred batches may share one; their events follow each other.</summary>
    public void AddDeferredTo(IntakeBatch inner)
    {
        _inner = inner;
        for (int index = 0; index < _deferred!.Count; index++)
        {
            DeferredEvent kept = _deferred[index];
            var provenance = new Provenance { Producer = kept.Producer, Operation = kept.Operation, Arrival = kept.Arrival };
            IntakeResult result = inner.Add(kept.Stream, kept.Version, kept.Fields, provenance, out IntakeNote note);
            _outcomes[index] = new CorrectionOutcome(result, note);
        }
    }

    /// <summary>What became of the kept events: once the batch that they were added to is durable.</summary>
    public void TakeOutcomes()
    {
        for (int index = 0; index < _outcomes.Count; index++)
        {
            if (_outcomes[index].Result == IntakeResult.Pending)
            {
                _outcomes[index] = _inner!._outcomes[_outcomes[index].Note.Correction];
            }
        }

        _positions = _inner!.Positions();
        _inner = null;
    }

    /// <summary>
    /// For each partition that received records: the offset of its newest one (of a deferred batch, that batches appended with it wrote too). Call it when the append has completed.
    /// </summary>
    public SortedDictionary<int, long> Positions()
    {
        if (_positions is not null)
        {
            return _positions;
        }

        var positions = new SortedDictionary<int, long>();
        foreach (AppendBatch part in (IEnumerable<AppendBatch>)[Records, .. _parts])
        {
            if (part.Count > 0)
            {
                foreach (LogRecord record in part.Records)
                {
                    positions[record.Partition.Value] = record.Offset.Value;
                }
            }
        }

        return positions;
    }

    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        if (!_appended.Task.IsCompleted)
        {
            Fail(cause: null);
        }

        Records.Dispose();
        _parts.ForEach(part => part.Dispose());
        _intake.Return(this, Writer);
        _lease.Dispose();
    }

    /// <summary>An event of this batch is a copy of one in a batch that is not durable yet.</summary>
    internal void RememberOriginal(IntakeBatch other) => _originals.Add(other.Appended);

    /// <summary>The event moves stream time; what it then is, is what the event meets. To the clock that reads go by, it came now, whatever arrival was stated.</summary>
    internal long See(TimeMarks marks, uint stream, ReadOnlySpan<byte> producer, long time)
    {
        TimeMarks.Mark mark = marks.Of(stream, producer);
        long streamTime = (mark.Clock ??= _intake.ArrivalClock.Of(stream, producer)).See(time);
        mark.Add(time, _arrival, streamTime);
        return streamTime;
    }

    /// <summary>A part of the records that is appended behind the inserts; the batch owns it.</summary>
    internal AppendBatch NewPart()
    {
        var part = new AppendBatch();
        _parts.Add(part);
        return part;
    }

    /// <summary>Before a correction claims an id, so that it can be remembered whatever memory there is.</summary>
    internal void MakeRoomForClaim() => _correctionClaims.EnsureCapacity(_correctionClaims.Count + 1);

    /// <summary>A correction has claimed an id that nobody had.</summary>
    internal void RememberClaim(Correction correction) => _correctionClaims.Add(new Claim(correction.Stream.Id, correction.Id, 0));

    /// <summary>A correction will not change any more.</summary>
    internal void Resolve(Correction correction, IntakeResult result, in IntakeNote note) => _outcomes[correction.Number] = new CorrectionOutcome(result, note);

    /// <summary>The inserts are in the log from this sequence on.</summary>
    internal void InsertsSucceed(LogSequence first)
    {
        foreach (Claim claim in _claims)
        {
            _intake.Ids.Settle(claim.Stream, claim.Id, EventIdIndex.IdVersion.At(first.Value + claim.Record, deleted: false));
        }

        _claims.Clear();
        _insertsDurable.TrySetResult();
    }

    /// <summary>The corrections appended in one part are in the log from this sequence on.</summary>
    internal void CorrectionsSucceed(IEnumerable<Correction> appended, LogSequence first)
    {
        foreach (Correction correction in appended)
        {
            _intake.Ids.Settle(correction.Stream.Id, correction.Id, EventIdIndex.IdVersion.At(first.Value + correction.Record, correction.Operation == EventOperation.Delete));
        }

        _correctionClaims.Clear();
    }

    internal void Succeed() => _appended.TrySetResult();

    /// <summary>What is not in the log yet does not get in: its ids are free again. Until they are nothing is allocated, for it may be for want of memory that the batch is given up.</summary>
    /// <param name="cause">Null when it was given up before it was in the log.</param>
    internal void Fail(Exception? cause)
    {
        bool heldClaims = _claims.Count + _correctionClaims.Count > 0;
        Release(_claims);
        Release(_correctionClaims);
        _insertsDurable.TrySetResult();
        if (!heldClaims)
        {
            // It holds nobody's original, so nobody's duplicate depends on it.
            _appended.TrySetResult();
        }
        else if (cause is null)
        {
            _appended.TrySetCanceled();
        }
        else
        {
            _appended.TrySetException(cause);
        }

        // Observed here, because a failure that no duplicate waits for is nobody's unobserved exception.
        _ = _appended.Task.Exception;
    }

    /// <summary>A duplicate may be acknowledged only when its original is durable.</summary>
    internal async ValueTask OriginalsDurableAsync(CancellationToken cancellationToken)
    {
        foreach (Task original in _originals)
        {
            if (original != Appended)
            {
                await Background.WaitAsync(original, cancellationToken);
            }
        }
    }

    /// <summary>Completes at the next <see cref="Wake"/>. Ask before looking at what might have changed.</summary>
    internal Task Woken() => Volatile.Read(ref _woken).Task;

    /// <summary>Something that a correction of this batch waits for has happened.</summary>
    internal void Wake() => Interlocked.Exchange(ref _woken, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();

    /// <summary>Copies the record that the writer has encoded.</summary>
    internal static void Append(AppendBatch records, PartitionId partition, EventRecordWriter writer)
    {
        records.BeginRecord(partition);
        ReadOnlySpan<byte> head = writer.Head;
        ReadOnlySpan<byte> body = writer.Body;
        Span<byte> room = records.GetSpan(head.Length + body.Length);
        head.CopyTo(room);
        body.CopyTo(room[head.Length..]);
        records.Advance(head.Length + body.Length);
        records.EndRecord();
    }

    private void Release(List<Claim> claims)
    {
        foreach (Claim claim in claims)
        {
            _intake.Ids.Release(claim.Stream, claim.Id);
        }

        claims.Clear();
    }

    private EventRefusal? Refuse(StreamPlan stream, StreamVersion version, ReadOnlySpan<Value> fields, in Provenance provenance)
    {
        Domain.InvariantException.Require(provenance.Operation != EventOperation.Retract, "a retraction cannot be asked for");
        if (provenance.Arrival is { } stated && EventCheck.RefuseArrival(stated, _arrival) is { } refusal)
        {
            return refusal;
        }

        return provenance.Operation == EventOperation.Delete
            ? EventCheck.RefuseDelete(version, fields)
            : EventCheck.Refuse(stream, version, fields) ?? EventCheck.RefuseAhead(version, fields, provenance.Arrival ?? _arrival);
    }

    private int Keep(StreamPlan stream, StreamVersion version, ReadOnlySpan<Value> fields, in Provenance provenance, EventIdIndex.IdKey id)
    {
        var kept = new Value[fields.Length];
        if (provenance.Operation == EventOperation.Delete)
        {
            kept[version.IdPosition] = fields[version.IdPosition];
        }
        else
        {
            fields.CopyTo(kept);
        }

        int number = _outcomes.Count;
        _outcomes.Add(new CorrectionOutcome(IntakeResult.Pending, default));
        _unresolved.Add(new Correction(this, number, stream, version, kept, id) { Producer = provenance.Producer.ToArray(), Operation = provenance.Operation, Arrival = provenance.Arrival });
        _keptBytes += CorrectionPart.BytesOf(stream, kept);
        return number;
    }

    private int Defer(StreamPlan stream, StreamVersion version, ReadOnlySpan<Value> fields, in Provenance provenance, EventIdIndex.IdKey id)
    {
        // An insert has one copy for each entity type, a correction two.
        int bytes = CorrectionPart.BytesOf(stream, fields);
        _keptBytes += provenance.Operation == EventOperation.Insert ? bytes / 2 : bytes;
        _deferred!.Add(new DeferredEvent(stream, version, fields.ToArray(), id) { Producer = provenance.Producer.ToArray(), Operation = provenance.Operation, Arrival = provenance.Arrival });
        _outcomes.Add(new CorrectionOutcome(IntakeResult.Pending, default));
        return _outcomes.Count - 1;
    }

    private void Encode(StreamPlan stream, StreamVersion version, ReadOnlySpan<Value> fields, in EventArrival arrival, ReadOnlySpan<byte> producer)
    {
        Writer.WriteBody(stream, version, fields, arrival, producer);
        if (stream.Feeds.IsEmpty)
        {
            Writer.WriteHistoryHead();
            Append(Records, _intake.Map.Of(0, Writer.Key), Writer);
            return;
        }

        for (int index = 0; index < stream.Feeds.Length; index++)
        {
            StreamFeed feed = stream.Feeds[index];
            Writer.WriteHead(feed, version, fields, primary: index == 0);
            Append(Records, _intake.Map.Of(feed.Entity, Writer.Key), Writer);
        }
    }

    /// <summary>An id that is this batch's until it is durable, and where its primary is among the records.</summary>
    private readonly record struct Claim(uint Stream, EventIdIndex.IdKey Id, int Record);
}
