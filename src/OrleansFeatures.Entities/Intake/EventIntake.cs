using System.Collections.Concurrent;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.Intake;

/// <summary>
/// What every host does with events before its log: duplicates, lateness, encoding, routing. Shared by all connections; each builds its own
/// <see cref="IntakeBatch"/>.
/// </summary>
public sealed class EventIntake(PartitionMap map, TimeProvider time)
{
    private readonly ConcurrentBag<EventRecordWriter> _writers = [];
    private readonly ConcurrentDictionary<long, IntakeBatch> _open = new();
    private readonly ConcurrentDictionary<uint, Counters> _counters = new();
    private readonly ProcessMemory _memory = new(time);
    private long _batches;

    public EventIdIndex Ids { get; } = new();

    /// <summary>Stream time as reads know it: of events applied.</summary>
    public StreamClocks Clocks { get; } = new(time);

    /// <summary>Stream time as lateness is judged by: of events as they come.</summary>
    public IntakeClock ArrivalClock { get; } = new(time);

    public PartitionMap Map => map;

    /// <exception cref="ProcessMemoryFullException">Events must wait until the process has memory again.</exception>
    public void RequireMemory()
    {
        if (_memory.IsShort())
        {
            throw new ProcessMemoryFullException(_memory.LiveBytes, ProcessMemory.LimitBytes);
        }
    }

    /// <param name="catalog">The definitions to read events against.</param>
    /// <param name="lease">Disposed with the batch: while it is held, definitions do not change.</param>
    public IntakeBatch Begin(Catalog catalog, IDisposable lease) => Begin(catalog, lease, isDeferred: false);

    /// <summary>The same for a log that several processes append to: see <see cref="IntakeBatch"/>.</summary>
    public IntakeBatch BeginDeferred(Catalog catalog, IDisposable lease) => Begin(catalog, lease, isDeferred: true);

    private IntakeBatch Begin(Catalog catalog, IDisposable lease, bool isDeferred)
    {
        long number = Interlocked.Increment(ref _batches);
        var batch = new IntakeBatch(this, number, catalog, _writers.TryTake(out EventRecordWriter? writer) ? writer : new EventRecordWriter(), lease, isDeferred);
        _open[number] = batch;
        return batch;
    }

    internal CorrectionLines Lines { get; } = new();

    /// <summary>The batch of that number; null once it is done with, and then nothing is claimed by it any more.</summary>
    internal IntakeBatch? Open(long number) => _open.GetValueOrDefault(number);

    /// <summary>
    /// Takes an id for an insert. False if the event is a duplicate; then the batch knows whose it must wait for, unless the original is durable already.
    /// </summary>
    internal bool TryClaim(IntakeBatch batch, uint stream, in EventIdIndex.IdKey id)
    {
        while (!Ids.TryClaim(stream, id, batch.Number, out EventIdIndex.IdVersion known))
        {
            if (!known.IsPending || known.Batch == batch.Number)
            {
                return false;
            }

            if (Open(known.Batch) is { } other)
            {
                batch.RememberOriginal(other);
                return false;
            }

            // The other batch has settled or released the id since, because it does so before it goes: look again.
        }

        return true;
    }

    /// <summary>
    /// Whether an event is late: for the views by the stream time that it met (of a correction: that its first version met), for everything live by stream time as it is.
    /// </summary>
    internal IntakeResult Judge(StreamPlan stream, long time, long metStreamTime, long streamTime, out IntakeNote note)
    {
        int refusing = metStreamTime == EventRecord.NoStreamTime ? 0 : stream.ViewsRefusing(metStreamTime - time);
        note = new IntakeNote { StreamTimeMicros = metStreamTime, LateViews = stream.Lateness.AsMemory()[..refusing] };
        bool tooOld = streamTime != EventRecord.NoStreamTime && streamTime - time >= stream.Retention.Micros && !stream.NeverTooLate && !stream.Feeds.IsEmpty;
        if (refusing == 0 && !tooOld)
        {
            return IntakeResult.Accepted;
        }

        CountLate(stream.Id);
        return IntakeResult.Late;
    }

    public StreamState StateOf(StreamPlan stream)
    {
        _counters.TryGetValue(stream.Id, out Counters? counters);
        return new StreamState(stream.Name, Clocks.StreamTimeMicros(stream.Id) ?? 0, Ids.Count(stream.Id), counters?.Duplicates ?? 0, counters?.Late ?? 0);
    }

    /// <summary>Learns a record of history at start: where the current version of its id is, and that stream time has reached it. In the log's order.</summary>
    internal void Recall(in EventRecord record, LogSequence sequence, TimeMarks marks)
    {
        if (!record.IsPrimary)
        {
            return;
        }

        Ids.Settle(record.StreamId, KeyOf(record), VersionOf(record, sequence));
        Recall(record, marks);
    }

    /// <summary>The same of the producers' clocks alone.</summary>
    internal static void Recall(in EventRecord record, TimeMarks marks)
    {
        // A correction says what should have been before; it is no sign of how far its producer has come.
        if (record.Operation == EventOperation.Insert || (record.Operation == EventOperation.Upsert && record.Previous == EventVersion.None))
        {
            marks.Of(record.StreamId, record.Producer).Add(record.Time.Micros, record.Arrival, record.StreamTimeMicros);
        }
    }

    internal static EventIdIndex.IdKey KeyOf(in EventRecord record) => record.HasTextId ? EventIdIndex.IdKey.Of(record.IdText) : EventIdIndex.IdKey.Of(record.IdNumber);

    internal static EventIdIndex.IdVersion VersionOf(in EventRecord record, LogSequence sequence) => EventIdIndex.IdVersion.At(sequence.Value, record.Operation == EventOperation.Delete);

    /// <summary>An event so old that its id may have been forgotten: nobody could tell it from a duplicate.</summary>
    internal static EventRefusal RefuseForgotten(StreamVersion version, EventTime forgotten) => new(
        version.Definition.Fields[version.TimePosition].Name,
        $"ids of events through {forgotten} have been forgotten, so it could be a duplicate of one of them",
        "events must come within the dedupe horizon (serve --dedupe-horizon); history is brought before newer events, or into a store with a longer horizon");

    internal static EventIdIndex.IdKey KeyOf(in Value id)
    {
        if (id.Type == FieldType.Int64)
        {
            return EventIdIndex.IdKey.Of(id.Int64);
        }

        Span<byte> utf8 = stackalloc byte[Domain.Limits.KeyBytesMax];
        return EventIdIndex.IdKey.Of(utf8[..System.Text.Encoding.UTF8.GetBytes(id.Text, utf8)]);
    }

    internal void CountDuplicate(uint stream) => Interlocked.Increment(ref CountersOf(stream).Duplicates);

    internal void CountLate(uint stream) => Interlocked.Increment(ref CountersOf(stream).Late);

    /// <summary>The arrival of an event that comes now.</summary>
    internal EventTime ArrivalNow() => ArrivalClock.Stamp();

    internal void Return(IntakeBatch batch, EventRecordWriter writer)
    {
        _open.TryRemove(batch.Number, out _);
        _writers.Add(writer);
    }

    private Counters CountersOf(uint stream) => _counters.GetOrAdd(stream, static _ => new Counters());

    private sealed class Counters
    {
        public long Duplicates;
        public long Late;
    }
}
