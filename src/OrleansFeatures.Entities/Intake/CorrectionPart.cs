using System.Text;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.Intake;

/// <summary>
/// Whether an entity still holds an event of that time as itself (or has forgotten it altogether), so that a version of it can be taken back. False where only
/// summaries remain: they cannot give an event back.
/// </summary>
public delegate bool RawHistory(EntityPlan entity, ReadOnlySpan<byte> key, int timeline, EventTime time);

/// <summary>What became of a correction that was looked at.</summary>
internal enum Taking
{
    /// <summary>An insert of its event is under way in another batch, whose end wakes this one.</summary>
    Waits,

    /// <summary>It needs no record, and is done with.</summary>
    Resolved,

    /// <summary>It is done with once the part is durable.</summary>
    Written,
}

/// <summary>
/// Corrections that are appended together: turns each into the records that make every entity concerned as if the event had come corrected.
/// <code>
///   id is           upsert                                             delete
///   unknown         the event; later inserts are duplicates            a record without an entity: later inserts are duplicates
///   known           upsert to the new version's entities, retraction   delete to the old version's entities, with its fields
///                   to old ones that it no longer concerns
///   the same        duplicate, no record                               -
///   deleted         the event, as if unknown                           duplicate, no record
/// </code>
/// Every record carries the version that it replaces: its event time, by which the entity finds it, and where it lies in the log. Stream time is the replaced version's too: how
/// late an event is was decided when it came. One thread.
/// </summary>
internal sealed class CorrectionPart(EventIntake intake, IntakeBatch batch, IRecordLookup lookup, RawHistory raw, (EntityKeys Old, EntityKeys New) keys)
{
    private readonly EventRecordWriter _writer = batch.Writer;
    private readonly EntityKeys _old = keys.Old;
    private readonly EntityKeys _new = keys.New;

    /// <summary>What to append; empty when nothing taken so far needs a record.</summary>
    public AppendBatch Records { get; } = batch.NewPart();

    /// <summary>What the clock of reads learns once the records have been applied.</summary>
    public TimeMarks Marks { get; } = new();

    /// <summary>The corrections that the records are of.</summary>
    public List<Correction> Written { get; } = [];

    /// <summary>About how many bytes of the log a correction with these fields takes: a copy for the new and one for the old entity of every type.</summary>
    public static int BytesOf(StreamPlan stream, ReadOnlySpan<Value> fields)
    {
        const int HeadBytes = 128;
        int bytes = HeadBytes;
        foreach (ref readonly Value value in fields)
        {
            bytes += sizeof(long) + (value.Type == FieldType.String ? Encoding.UTF8.GetByteCount(value.Text) : 0);
        }

        return bytes * 2 * Math.Max(1, stream.Feeds.Length);
    }

    /// <summary>Takes a correction that is first in its line.</summary>
    public Taking Take(Correction correction)
    {
        EventIdIndex.IdVersion known;
        bool isNew;
        batch.MakeRoomForClaim();
        while (!(isNew = intake.Ids.TryClaim(correction.Stream.Id, correction.Id, batch.Number, out known)) && known.IsPending)
        {
            if (intake.Open(known.Batch) is { InsertsDurable.IsCompleted: false } other)
            {
                other.InsertsDurable.ContinueWith(_ => batch.Wake(), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Current);
                return Taking.Waits;
            }
        }

        if (isNew)
        {
            if (intake.Ids.ForgottenThrough(correction.Stream.Id) is { } forgotten && MayBeForgotten(correction, forgotten))
            {
                intake.Ids.Release(correction.Stream.Id, correction.Id);
                batch.Resolve(correction, IntakeResult.Refused, IntakeNote.Of(EventIntake.RefuseForgotten(correction.Version, new EventTime(forgotten))));
                return Taking.Resolved;
            }

            batch.RememberClaim(correction);
        }

        if (!isNew && !known.IsDeleted)
        {
            Replace(correction, known.Sequence);
        }
        else if (correction.Operation == EventOperation.Upsert)
        {
            WriteNew(correction);
        }
        else if (isNew)
        {
            WriteAbsence(correction);
        }
        else
        {
            Duplicate(correction);
        }

        return Written.Count > 0 && Written[^1] == correction ? Taking.Written : Taking.Resolved;
    }

    /// <summary>Whether the event that is to be corrected may be one whose id was forgotten. Of a delete nobody knows the time.</summary>
    private static bool MayBeForgotten(Correction correction, long forgotten) =>
        correction.Operation == EventOperation.Delete || correction.Fields[correction.Version.TimePosition].Bits <= forgotten;

    private void WriteNew(Correction correction)
    {
        long time = correction.Fields[correction.Version.TimePosition].Bits;
        long streamTime = batch.See(Marks, correction.Stream.Id, correction.Producer, time);
        var arrival = new EventArrival(correction.Arrival ?? intake.ArrivalNow(), streamTime, EventOperation.Upsert, EventVersion.None);
        _writer.WriteBody(correction.Stream, correction.Version, correction.Fields, arrival, correction.Producer);
        _new.Read(correction.Stream, correction.Version, correction.Fields);
        Write(correction, _new, null);
        batch.Resolve(correction, intake.Judge(correction.Stream, time, streamTime, streamTime, out IntakeNote note), note);
    }

    /// <summary>An event that is not to come. Its record says no more than its id, at time zero, and concerns no entity.</summary>
    private void WriteAbsence(Correction correction)
    {
        var arrival = new EventArrival(correction.Arrival ?? intake.ArrivalNow(), EventRecord.NoStreamTime, EventOperation.Delete, EventVersion.None);
        _writer.WriteBody(correction.Stream, correction.Version, correction.Fields, arrival, correction.Producer);
        Write(correction, null, null);
        batch.Resolve(correction, IntakeResult.Accepted, IntakeNote.Of(null));
    }

    private void Replace(Correction correction, long sequence)
    {
        StreamPlan stream = correction.Stream;
        if (!TryFind(new LogSequence(sequence), out LogRecord found))
        {
            batch.Resolve(correction, IntakeResult.Refused, IntakeNote.Of(RefuseCut(correction)));
            return;
        }

        EventRecord previous = EventRecord.Parse(found.Payload);
        _old.Read(stream, previous);
        EventTime now = correction.Arrival ?? new EventTime(Math.Max(intake.ArrivalNow().Micros, previous.Arrival.Micros));
        var arrival = new EventArrival(now, previous.StreamTimeMicros, correction.Operation, new EventVersion(previous.Time.Micros, sequence));
        if (correction.Operation == EventOperation.Delete)
        {
            _writer.WriteBodyOf(previous, arrival, correction.Producer);
        }
        else
        {
            _writer.WriteBody(stream, correction.Version, correction.Fields, arrival, correction.Producer);
            if (_writer.SaysTheSameAs(previous))
            {
                Duplicate(correction);
                return;
            }
        }

        if (RefuseSummarised(correction, previous.Time) is { } refusal)
        {
            batch.Resolve(correction, IntakeResult.Refused, IntakeNote.Of(refusal));
            return;
        }

        if (correction.Operation == EventOperation.Delete)
        {
            Write(correction, _old, null);
            batch.Resolve(correction, IntakeResult.Accepted, new IntakeNote { StreamTimeMicros = previous.StreamTimeMicros });
            return;
        }

        _new.Read(stream, correction.Version, correction.Fields);
        Write(correction, _new, _old);
        long time = correction.Fields[correction.Version.TimePosition].Bits;
        long streamTime = intake.ArrivalClock.StreamTimeMicros(stream.Id) ?? EventRecord.NoStreamTime;
        batch.Resolve(correction, intake.Judge(stream, time, previous.StreamTimeMicros, streamTime, out IntakeNote note), note);
    }

    private bool TryFind(LogSequence sequence, out LogRecord found)
    {
        try
        {
            found = lookup.Find(sequence);
            return true;
        }
        catch (LogTruncatedException)
        {
            found = default;
            return false;
        }
    }

    private static EventRefusal RefuseCut(Correction correction) => new(
        correction.Version.Definition.Fields[correction.Version.IdPosition].Name,
        "the event is older than the raw history that is kept, so what it said is not known any more and cannot be taken back",
        "leave the event as it is; a longer --history keeps later events correctable for longer");

    /// <summary>The one place where every entity that must give a version back is asked whether it can: a correction is never half-applied.</summary>
    private EventRefusal? RefuseSummarised(Correction correction, EventTime time)
    {
        for (int feed = 0; feed < correction.Stream.Feeds.Length; feed++)
        {
            EntityPlan entity = correction.Stream.Feeds[feed].Entity;
            if (_old.Of(feed) is { IsEmpty: false } key && !raw(entity, key, TimelineOf(entity, correction.Stream), time))
            {
                return new EventRefusal(
                    correction.Version.Definition.Fields[correction.Version.IdPosition].Name,
                    $"the event is of {time}, and its entity of type '{entity.Name}' keeps only summaries of that time: what they took in cannot be taken out",
                    "leave the event as it is; a longer exact_for or a larger memory budget keeps later events correctable for longer");
            }
        }

        return null;
    }

    private void Duplicate(Correction correction)
    {
        intake.CountDuplicate(correction.Stream.Id);
        batch.Resolve(correction, IntakeResult.Duplicate, IntakeNote.Of(null));
    }

    /// <summary>
    /// The copies, the first of them the primary: one for each entity of <paramref name="concerned"/>, and a retraction where <paramref name="before"/> was another. An event that
    /// concerns nobody is kept all the same.
    /// </summary>
    private void Write(Correction correction, EntityKeys? concerned, EntityKeys? before)
    {
        correction.Record = Records.Count;
        for (int index = 0; index < correction.Stream.Feeds.Length; index++)
        {
            StreamFeed feed = correction.Stream.Feeds[index];
            ReadOnlySpan<byte> key = concerned is null ? default : concerned.Of(index);
            ReadOnlySpan<byte> old = before is null ? default : before.Of(index);
            if (!key.IsEmpty)
            {
                _writer.WriteHead(feed, key, primary: Records.Count == correction.Record, isNewHere: before is not null && !old.SequenceEqual(key));
                IntakeBatch.Append(Records, intake.Map.Of(feed.Entity, key), _writer);
            }

            if (!old.IsEmpty && !old.SequenceEqual(key))
            {
                _writer.WriteHead(feed, old, primary: false, retracts: true);
                IntakeBatch.Append(Records, intake.Map.Of(feed.Entity, old), _writer);
            }
        }

        if (Records.Count == correction.Record)
        {
            _writer.WriteHistoryHead();
            IntakeBatch.Append(Records, intake.Map.Of(EventRecord.NoEntity, _writer.Key), _writer);
        }

        Written.Add(correction);
    }

    private static int TimelineOf(EntityPlan entity, StreamPlan stream)
    {
        for (int timeline = 0; timeline < entity.Timelines.Length; timeline++)
        {
            if (entity.Timelines[timeline].Stream.Id == stream.Id)
            {
                return timeline;
            }
        }

        throw new Domain.InvariantException($"stream '{stream.Name}' feeds entity type '{entity.Name}', which has no timeline of it");
    }
}
