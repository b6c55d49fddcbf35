using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.Intake;

/// <summary>
/// Events on their way into the log. Each is checked, claimed by its id, and encoded once for every entity that it concerns: the first copy is
/// the primary (raw history is the primaries), its other copies follow it directly, so that after a torn write only the very last event
/// can lack some. One thread builds it; the host appends it; disposing gives back what did not get in.
/// </summary>
public sealed class IntakeBatch : IDisposable
{
    private readonly EventIntake _intake;
    private readonly IDisposable _lease;
    private readonly List<(uint Stream, EventIdIndex.IdKey Id)> _claims = [];
    private readonly List<(uint Stream, EventIdIndex.IdKey Id)> _duplicates = [];
    private readonly EventRecordWriter _writer;
    private readonly TaskCompletionSource _appended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly EventTime _arrival;
    private Task[] _others = [];
    private bool _disposed;

    internal IntakeBatch(EventIntake intake, Catalog catalog, EventRecordWriter writer, IDisposable lease)
    {
        _intake = intake;
        _writer = writer;
        _lease = lease;
        _arrival = intake.ArrivalNow();
        GivenUpBefore = intake.GivenUp;
        Catalog = catalog;
    }

    /// <summary>The definitions that this batch is read against.</summary>
    public Catalog Catalog { get; }

    /// <summary>The records to append; empty when every event was refused or a duplicate.</summary>
    public AppendBatch Records { get; } = new();

    /// <summary>Completes when the records are durable (or failed): what a duplicate of one of them waits for.</summary>
    internal Task Appended => _appended.Task;

    internal TimeMarks Marks { get; } = new();

    internal bool HasDuplicates => _duplicates.Count > 0;

    /// <summary>Batches given up before this one met its first event.</summary>
    internal long GivenUpBefore { get; }

    /// <summary>What became of the events whose result is pending, in the order in which they were added. Complete once the batch has been appended.</summary>
    public IReadOnlyList<CorrectionOutcome> Corrections => [];

    /// <summary>About how many bytes of the log the batch takes.</summary>
    public int Bytes => Records.Bytes;

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

        EventIdIndex.IdKey key = EventIntake.KeyOf(fields[version.IdPosition]);
        if (!_intake.Ids.TryClaim(stream.Id, key))
        {
            _duplicates.Add((stream.Id, key));
            _intake.CountDuplicate(stream.Id);
            return IntakeResult.Duplicate;
        }

        _claims.Add((stream.Id, key));
        long time = fields[version.TimePosition].Bits;
        long streamTime = See(stream.Id, provenance.Producer, time);
        Encode(stream, version, fields, new EventArrival(provenance.Arrival ?? _arrival, streamTime, EventOperation.Insert, EventVersion.None), provenance.Producer);
        return Judge(stream, time, streamTime, out note);
    }

    /// <summary>
    /// For each partition that received records: the offset of its newest one. Call it when the append has completed.
    /// </summary>
    public SortedDictionary<int, long> Positions()
    {
        var positions = new SortedDictionary<int, long>();
        if (Records.Count > 0)
        {
            foreach (LogRecord record in Records.Records)
            {
                positions[record.Partition.Value] = record.Offset.Value;
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
            Fail(new OperationCanceledException("the batch was given up before it was appended"));
        }

        Records.Dispose();
        _intake.Return(this, _writer);
        _lease.Dispose();
    }

    /// <summary>The batches that may hold the originals of this batch's duplicates and are not durable yet.</summary>
    internal void RememberOthers(Task[] others) => _others = others;

    /// <summary>Whether every duplicate's id is still taken: by history, or by a batch that is open.</summary>
    internal bool OriginalsAreClaimed() => _duplicates.TrueForAll(copy => _intake.Ids.IsClaimed(copy.Stream, copy.Id));

    internal void Succeed() => _appended.TrySetResult();

    /// <summary>Nothing of the batch got in: its ids are free again.</summary>
    internal void Fail(Exception cause)
    {
        if (_claims.Count == 0)
        {
            // It holds nobody's original, so nobody's duplicate depends on it.
            _appended.TrySetResult();
            return;
        }

        foreach ((uint stream, EventIdIndex.IdKey id) in _claims)
        {
            _intake.Ids.Release(stream, id);
        }

        _claims.Clear();
        _intake.CountGivenUp();
        if (cause is OperationCanceledException)
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
    internal Task OriginalsDurable() => !HasDuplicates ? Task.CompletedTask : Task.WhenAll(_others);

    private EventRefusal? Refuse(StreamPlan stream, StreamVersion version, ReadOnlySpan<Value> fields, in Provenance provenance)
    {
        if (provenance.Operation != EventOperation.Insert)
        {
            return new EventRefusal("op", $"the operation {provenance.Operation} is not possible", "send inserts only");
        }

        return (provenance.Arrival is { } stated ? EventCheck.RefuseArrival(stated, _intake.Now()) : null)
            ?? EventCheck.Refuse(stream, version, fields)
            ?? EventCheck.RefuseAhead(version, fields, provenance.Arrival ?? _arrival);
    }

    /// <summary>The event moves stream time; what it then is, is what the event meets. To the clock that reads go by, it came now, whatever arrival was stated.</summary>
    private long See(uint stream, ReadOnlySpan<byte> producer, long time)
    {
        TimeMarks.Mark mark = Marks.Of(stream, producer);
        long streamTime = (mark.Clock ??= _intake.ArrivalClock.Of(stream, producer)).See(time);
        mark.Add(time, _arrival, streamTime);
        return streamTime;
    }

    private IntakeResult Judge(StreamPlan stream, long time, long streamTime, out IntakeNote note)
    {
        long behind = streamTime - time;
        int refusing = stream.ViewsRefusing(behind);
        note = new IntakeNote { StreamTimeMicros = streamTime, LateViews = stream.Lateness.AsMemory()[..refusing] };
        if (refusing == 0 && !(behind >= stream.Retention.Micros && !stream.NeverTooLate && !stream.Feeds.IsEmpty))
        {
            return IntakeResult.Accepted;
        }

        _intake.CountLate(stream.Id);
        return IntakeResult.Late;
    }

    private void Encode(StreamPlan stream, StreamVersion version, ReadOnlySpan<Value> fields, in EventArrival arrival, ReadOnlySpan<byte> producer)
    {
        _writer.WriteBody(stream, version, fields, arrival, producer);
        if (stream.Feeds.IsEmpty)
        {
            _writer.WriteHistoryHead();
            Append(_intake.Map.Of(0, _writer.Key));
            return;
        }

        for (int index = 0; index < stream.Feeds.Length; index++)
        {
            StreamFeed feed = stream.Feeds[index];
            _writer.WriteHead(feed, version, fields, primary: index == 0);
            Append(_intake.Map.Of(feed.Entity, _writer.Key));
        }
    }

    private void Append(PartitionId partition)
    {
        Records.BeginRecord(partition);
        ReadOnlySpan<byte> head = _writer.Head;
        ReadOnlySpan<byte> body = _writer.Body;
        Span<byte> room = Records.GetSpan(head.Length + body.Length);
        head.CopyTo(room);
        body.CopyTo(room[head.Length..]);
        Records.Advance(head.Length + body.Length);
        Records.EndRecord();
    }
}
