using System.Collections.Concurrent;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities.Partitions;

namespace OrleansFeatures.Entities.Intake;

/// <summary>
/// What every host does with events before its log: duplicates, lateness, encoding, routing. Shared by all connections; each builds its own
/// <see cref="IntakeBatch"/>.
/// </summary>
public sealed class EventIntake(PartitionMap map, TimeProvider time)
{
    private readonly ConcurrentBag<EventRecordWriter> _writers = [];
    private readonly ConcurrentDictionary<IntakeBatch, byte> _open = new();
    private readonly ConcurrentDictionary<uint, Counters> _counters = new();
    private long _givenUp;

    public EventIdIndex Ids { get; } = new();

    /// <summary>Stream time as reads know it: of events applied.</summary>
    public StreamClocks Clocks { get; } = new(time);

    /// <summary>Stream time as lateness is judged by: of events as they come.</summary>
    public IntakeClock ArrivalClock { get; } = new(time);

    public PartitionMap Map => map;

    /// <param name="catalog">The definitions to read events against.</param>
    /// <param name="lease">Disposed with the batch: while it is held, definitions do not change.</param>
    public IntakeBatch Begin(Catalog catalog, IDisposable lease)
    {
        var batch = new IntakeBatch(this, catalog, _writers.TryTake(out EventRecordWriter? writer) ? writer : new EventRecordWriter(), lease);
        _open[batch] = 0;
        return batch;
    }

    /// <summary>Batches that have given back their claims; each counts itself before it leaves the open ones.</summary>
    internal long GivenUp => Interlocked.Read(ref _givenUp);

    /// <summary>
    /// Call before appending: a duplicate's original may be in any batch that is open now. Had a batch been given up since this one began, it may
    /// have held an original, is open no more, and is not in history either: then the claims are looked up again, until none is given up meanwhile.
    /// </summary>
    public void BeforeAppend(IntakeBatch batch)
    {
        long seen = batch.GivenUpBefore;
        while (batch.HasDuplicates)
        {
            Task[] others = [.. _open.Keys.Where(other => other != batch).Select(other => other.Appended)];
            long now = GivenUp;
            if (now == seen || !batch.OriginalsAreClaimed())
            {
                batch.RememberOthers(now == seen ? others : [Task.FromCanceled(new CancellationToken(canceled: true))]);
                return;
            }

            seen = now;
        }
    }

    public StreamState StateOf(StreamPlan stream)
    {
        _counters.TryGetValue(stream.Id, out Counters? counters);
        return new StreamState(stream.Name, Clocks.StreamTimeMicros(stream.Id) ?? 0, Ids.Count(stream.Id), counters?.Duplicates ?? 0, counters?.Late ?? 0);
    }

    /// <summary>Learns a record of history at start: its id, and that stream time has reached it.</summary>
    internal void Recall(in EventRecord record, TimeMarks marks)
    {
        if (record.IsPrimary)
        {
            Ids.TryClaim(record.StreamId, record.HasTextId ? EventIdIndex.IdKey.Of(record.IdText) : EventIdIndex.IdKey.Of(record.IdNumber));
            marks.Of(record.StreamId, record.Producer).Add(record.Time.Micros, record.Arrival, record.StreamTimeMicros);
        }
    }

    internal static EventIdIndex.IdKey KeyOf(in Value id)
    {
        if (id.Type == FieldType.Int64)
        {
            return EventIdIndex.IdKey.Of(id.Int64);
        }

        Span<byte> utf8 = stackalloc byte[Domain.Limits.KeyBytesMax];
        return EventIdIndex.IdKey.Of(utf8[..System.Text.Encoding.UTF8.GetBytes(id.Text, utf8)]);
    }

    internal void CountGivenUp() => Interlocked.Increment(ref _givenUp);

    internal void CountDuplicate(uint stream) => Interlocked.Increment(ref CountersOf(stream).Duplicates);

    internal void CountLate(uint stream) => Interlocked.Increment(ref CountersOf(stream).Late);

    internal EventTime Now() => EventTime.From(time.GetUtcNow());

    /// <summary>
    /// The arrival that the store stamps: whole milliseconds, rounded up, so that arrivals pack into four bytes in memory. A read at <c>known_at</c> a moment before
    /// an arrival must not know the event, so rounding down is out of the question.
    /// </summary>
    internal EventTime ArrivalNow()
    {
        const long MicrosPerMillisecond = 1_000;
        return new EventTime((Now().Micros + MicrosPerMillisecond - 1) / MicrosPerMillisecond * MicrosPerMillisecond);
    }

    internal void Return(IntakeBatch batch, EventRecordWriter writer)
    {
        _open.TryRemove(batch, out _);
        _writers.Add(writer);
    }

    private Counters CountersOf(uint stream) => _counters.GetOrAdd(stream, static _ => new Counters());

    private sealed class Counters
    {
        public long Duplicates;
        public long Late;
    }
}
