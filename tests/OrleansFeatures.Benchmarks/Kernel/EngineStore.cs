using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Log;

namespace OrleansFeatures.Benchmarks.Kernel;

/// <summary>
/// The engine as the embedded host drives it, on one thread and without a log: every record goes through its partition's gate, its table of entities, its actor and its state, and the memory that
/// the next few records will touch is asked for ahead.
/// </summary>
internal sealed class EngineStore
{
    /// <summary>Records of a committed batch under load.</summary>
    private const int BatchRecords = 2_000;

    private readonly Partition[] _partitions;
    private readonly long[] _nextOffset;
    private readonly LookAhead _ahead = new();
    private readonly int[] _order = new int[BatchRecords];
    private readonly int[] _next;
    private long _formats;

    public EngineStore(Catalog catalog, int partitions)
    {
        Catalog = catalog;
        Map = new PartitionMap(partitions);
        _partitions = [.. Enumerable.Range(0, partitions).Select(_ => new Partition(catalog, MemoryBudget.Unlimited))];
        _nextOffset = new long[partitions];
        _next = new int[partitions + 1];
    }

    public Catalog Catalog { get; }

    public PartitionMap Map { get; }

    public (long Entities, long Events) Census()
    {
        (long entities, long events) = (0, 0);
        foreach (Partition partition in _partitions)
        {
            PartitionCensus census = partition.Census();
            (entities, events) = (entities + census.Entities, events + census.Events);
        }

        return (entities, events);
    }

    /// <summary>Bytes of slabs: of rows, of texts, and not in use.</summary>
    public (long Rows, long Texts, long Free, long Total) Slabs() =>
        (_partitions.Sum(of => of.Memory.RowBytes), _partitions.Sum(of => of.Memory.TextBytes), _partitions.Sum(of => of.Memory.FreeBytes), _partitions.Sum(of => of.Memory.TotalBytes));

    /// <summary>As a generation applies a loop's share of a committed batch: partition after partition, in turns of a few records.</summary>
    public void Apply(RecordBlock block)
    {
        for (int from = 0; from < block.Count; from += BatchRecords)
        {
            Apply(block, from, Math.Min(BatchRecords, block.Count - from));
        }
    }

    /// <summary>Reads after every event what it changed, as of stream time: what a caller does that pushes an event and wants the features after it.</summary>
    public void ApplyAndRead(RecordBlock block, EntityRead read, Span<FeatureValue> values)
    {
        long streamTime = 0;
        for (int index = 0; index < LookAhead.Records; index++)
        {
            Look(block, index);
        }

        for (int index = 0; index < block.Count; index++)
        {
            Look(block, index + LookAhead.Records);
            EventRecord record = EventRecord.Parse(block[index]);
            int partition = block.Partitions[index];
            using (_partitions[partition].Enter())
            {
                _partitions[partition].Apply_NeedsLock(record, new LogOffset(_nextOffset[partition]++));
            }

            streamTime = Math.Max(streamTime, record.Time.Micros);
            _partitions[partition].Read(read.Entity, record.Key, read.Plan, new EventTime(streamTime), EventTime.Never, values);
        }
    }

    public void Read(EntityRead read, ReadOnlySpan<byte> key, EventTime asOf, Span<FeatureValue> values) =>
        _partitions[Map.Of(read.Entity, key).Value].Read(read.Entity, key, read.Plan, asOf, EventTime.Never, values);

    private void Apply(RecordBlock block, int from, int count)
    {
        // The host's loop walks the frames to find its own, which brings them near; so does this.
        for (int index = from; index < from + count; index++)
        {
            _formats += block[index][0];
        }

        PartitionOrder.Fill(block.Partitions.Slice(from, count), _next, _order);
        for (int index = 0; index < LookAhead.Records; index++)
        {
            Look(block, index < count ? from + _order[index] : block.Count);
        }

        for (int index = 0; index < count;)
        {
            int partition = block.Partitions[from + _order[index]];
            using Lock.Scope turn = _partitions[partition].Enter();
            for (int end = index + Entities.Limits.TurnRecordsMax; index < end && index < count && block.Partitions[from + _order[index]] == partition; index++)
            {
                Look(block, index + LookAhead.Records < count ? from + _order[index + LookAhead.Records] : block.Count);
                _partitions[partition].Apply_NeedsLock(EventRecord.Parse(block[from + _order[index]]), new LogOffset(_nextOffset[partition]++));
            }
        }
    }

    private void Look(RecordBlock block, int index)
    {
        if (index < block.Count)
        {
            _ahead.See(_partitions[block.Partitions[index]], block[index]);
        }
        else
        {
            _ahead.SeeNothing();
        }
    }
}
