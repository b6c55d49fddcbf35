using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.Embedded;

/// <summary>
/// Appends copies of events that some entity types lack: the tail of an event that a crash cut off, and all of history for an entity type that
/// a stream newly feeds. A copy that turns out to be there already is dropped by the entity as a duplicate, so doing it again is harmless.
/// </summary>
internal sealed class HistoryCopies(EventLog log, PartitionMap map)
{
    /// <summary>
    /// An event's copies lie in the log directly behind its primary, so only the last event can lack some. A correction may have two for an entity type: one for the entity
    /// that the event concerns now, and a retraction for the one that it concerned before.
    /// </summary>
    public async Task CompleteLastEventAsync(Catalog catalog, CancellationToken cancellationToken)
    {
        long from = Math.Max(log.FirstSequence.Value, log.DurableSequence.Value - (2 * Domain.Limits.EntitiesPerStreamMax));
        var tail = new TailVisitor();
        log.Read(new LogSequence(from), log.DurableSequence, ref tail, cancellationToken);
        if (tail.Primary is null)
        {
            return;
        }

        EventRecord record = EventRecord.Parse(tail.Primary);
        if (catalog.Stream(record.StreamId) is { } stream)
        {
            using LogLookup lookup = log.Lookup();
            var batch = new AppendBatch();
            new EventCopies(map, lookup).Add(batch, record, stream, [.. stream.Feeds], tail.Copies);
            await AppendAsync(batch, cancellationToken);
        }
    }

    /// <summary>Copies history to the entity types that a stream feeds under <paramref name="next"/> but not under <paramref name="current"/>.</summary>
    public async Task AddFeedsAsync(Catalog current, Catalog next, CancellationToken cancellationToken)
    {
        var added = new Dictionary<uint, List<StreamFeed>>();
        foreach (StreamPlan stream in next.Streams)
        {
            var before = current.Stream(stream.Id)?.Feeds.Select(feed => feed.Entity.Id).ToHashSet() ?? [];
            List<StreamFeed> feeds = [.. stream.Feeds.Where(feed => !before.Contains(feed.Entity.Id))];
            if (feeds.Count > 0)
            {
                added[stream.Id] = feeds;
            }
        }

        using LogLookup lookup = log.Lookup();
        LogSequence end = log.DurableSequence;
        long position = log.FirstSequence.Value;
        while (added.Count > 0 && position <= end.Value)
        {
            var visitor = new CopyVisitor(new EventCopies(map, lookup), next, added);
            log.Read(new LogSequence(position), end, ref visitor, cancellationToken);
            position = visitor.Next;
            await AppendAsync(visitor.Batch, cancellationToken);
        }
    }

    private async Task AppendAsync(AppendBatch batch, CancellationToken cancellationToken)
    {
        using (batch)
        {
            if (batch.Count > 0)
            {
                await log.AppendAsync(batch, cancellationToken);
            }
        }
    }

    /// <summary>Remembers the last primary and which copies there are of it, itself included.</summary>
    private struct TailVisitor() : ILogVisitor
    {
        public byte[]? Primary { get; private set; }

        public HashSet<(uint EntityType, bool Retracts)> Copies { get; } = [];

        public bool Visit(LogRecord logged)
        {
            EventRecord record = EventRecord.Parse(logged.Payload);
            if (record.IsPrimary)
            {
                Primary = logged.Payload.ToArray();
                Copies.Clear();
            }

            Copies.Add((record.EntityTypeId, record.Operation == EventOperation.Retract));
            return true;
        }
    }

    /// <summary>Copies primaries until the batch is full; then the reading stops and goes on behind it.</summary>
    private struct CopyVisitor(EventCopies copies, Catalog catalog, Dictionary<uint, List<StreamFeed>> added) : ILogVisitor
    {
        public AppendBatch Batch { get; } = new();

        public long Next { get; private set; }

        public bool Visit(LogRecord logged)
        {
            Next = logged.Sequence.Value + 1;
            EventRecord record = EventRecord.Parse(logged.Payload);
            if (record.IsPrimary && added.TryGetValue(record.StreamId, out List<StreamFeed>? feeds))
            {
                copies.Add(Batch, record, catalog.Stream(record.StreamId)!, feeds, present: []);
            }

            return Batch.Count < Limits.BackfillBatchRecords;
        }
    }
}
