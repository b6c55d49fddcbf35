using OrleansFeatures.Domain;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.History;

/// <summary>
/// Appends copies of events that some entity types lack: the tail of an event that a crash cut off, and all of history for an entity type that
/// a stream newly feeds. A copy that turns out to be there already is dropped by the entity as a duplicate, so doing it again is harmless.
/// </summary>
internal sealed class HistoryCopies(IRecordSource log, IAppendTarget target, PartitionMap map)
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
            using IRecordLookup lookup = log.Lookup();
            var batch = new AppendBatch();
            new EventCopies(map, lookup).Add(batch, record, stream, [.. stream.Feeds], tail.Copies);
            await AppendAsync(batch, cancellationToken);
        }
    }

    /// <summary>
    /// Copies history to the entity types that a stream feeds under <paramref name="next"/> but not under <paramref name="current"/>. Copies may be there already: of a change that a crash cut off, or
    /// of a time when the stream fed the type before. They are not made again: an entity that has summed an event up does not know its copy. (Whatever has no copy is newer than what has one, version
    /// by version, so copies behind each other are still in the order of versions.) Costs a pass over the log, and 40 bytes for each copy that is there.
    /// </summary>
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

        using IRecordLookup lookup = log.Lookup();
        LogSequence end = log.DurableSequence;
        long position = log.FirstSequence.Value;
        var there = new PresentVisitor([.. added.SelectMany(feeds => feeds.Value.Select(feed => (feeds.Key, feed.Entity.Id)))]);
        if (added.Count > 0 && position <= end.Value)
        {
            log.Read(new LogSequence(position), end, ref there, cancellationToken);
        }

        while (added.Count > 0 && position <= end.Value)
        {
            var visitor = new CopyVisitor(new EventCopies(map, lookup), next, added, there);
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
                await target.AppendAsync(batch, wait: true, cancellationToken);
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

    /// <summary>Which events have copies for the entity types that are added. A copy has its event's body, and that no other version of any event has: it says id, arrival and predecessor.</summary>
    private readonly struct PresentVisitor(HashSet<(uint Stream, uint EntityType)> added) : ILogVisitor
    {
        private const ulong SecondSeed = 0x9E37_79B9_7F4A_7C15;
        private readonly HashSet<(uint EntityType, bool Retracts, ulong High, ulong Low)> _copies = [];

        public bool Visit(LogRecord logged)
        {
            EventRecord record = EventRecord.Parse(logged.Payload);
            if (added.Contains((record.StreamId, record.EntityTypeId)))
            {
                _copies.Add((record.EntityTypeId, record.Operation == EventOperation.Retract, StableHash.Of(record.Body), StableHash.Of(record.Body, SecondSeed)));
            }

            return true;
        }

        public HashSet<(uint EntityType, bool Retracts)> Of(in EventRecord record, List<StreamFeed> feeds)
        {
            var present = new HashSet<(uint, bool)>();
            if (_copies.Count > 0)
            {
                (ulong high, ulong low) = (StableHash.Of(record.Body), StableHash.Of(record.Body, SecondSeed));
                foreach ((uint type, bool retracts) in feeds.SelectMany(feed => ((uint, bool)[])[(feed.Entity.Id, false), (feed.Entity.Id, true)]))
                {
                    if (_copies.Contains((type, retracts, high, low)))
                    {
                        present.Add((type, retracts));
                    }
                }
            }

            return present;
        }
    }

    /// <summary>Copies primaries until the batch is full; then the reading stops and goes on behind it.</summary>
    private struct CopyVisitor(EventCopies copies, Catalog catalog, Dictionary<uint, List<StreamFeed>> added, PresentVisitor there) : ILogVisitor
    {
        public AppendBatch Batch { get; } = new();

        public long Next { get; private set; }

        public bool Visit(LogRecord logged)
        {
            Next = logged.Sequence.Value + 1;
            EventRecord record = EventRecord.Parse(logged.Payload);
            if (record.IsPrimary && added.TryGetValue(record.StreamId, out List<StreamFeed>? feeds))
            {
                copies.Add(Batch, record, catalog.Stream(record.StreamId)!, feeds, there.Of(record, feeds));
            }

            return Batch.Count < Limits.BackfillBatchRecords;
        }
    }
}
