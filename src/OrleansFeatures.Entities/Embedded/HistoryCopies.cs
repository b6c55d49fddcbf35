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
    /// An event's copies lie in the log directly behind its primary, so only the last event can lack some.
    /// </summary>
    public async Task CompleteLastEventAsync(Catalog catalog, CancellationToken cancellationToken)
    {
        long from = Math.Max(log.FirstSequence.Value, log.DurableSequence.Value - Domain.Limits.EntitiesPerStreamMax);
        var tail = new TailVisitor();
        log.Read(new LogSequence(from), log.DurableSequence, ref tail, cancellationToken);
        if (tail.Primary is null)
        {
            return;
        }

        EventRecord record = EventRecord.Parse(tail.Primary);
        HashSet<uint> present = tail.EntityTypes;
        if (catalog.Stream(record.StreamId) is { } stream && stream.Feeds.Where(feed => !present.Contains(feed.Entity.Id)).ToList() is { Count: > 0 } missing)
        {
            await AppendAsync(Copies(tail.Primary, stream, missing), cancellationToken).ConfigureAwait(false);
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

        LogSequence end = log.DurableSequence;
        long position = log.FirstSequence.Value;
        while (added.Count > 0 && position <= end.Value)
        {
            var visitor = new CopyVisitor(this, next, added);
            log.Read(new LogSequence(position), end, ref visitor, cancellationToken);
            position = visitor.Next;
            await AppendAsync(visitor.Batch, cancellationToken).ConfigureAwait(false);
        }
    }

    private AppendBatch Copies(byte[] primary, StreamPlan stream, IReadOnlyList<StreamFeed> feeds)
    {
        var batch = new AppendBatch();
        AddCopies(batch, EventRecord.Parse(primary), stream, feeds, new Value[Domain.Limits.StreamFieldsMax]);
        return batch;
    }

    private void AddCopies(AppendBatch batch, in EventRecord record, StreamPlan stream, IReadOnlyList<StreamFeed> feeds, Value[] fields)
    {
        Span<Value> newest = fields.AsSpan(0, stream.Fields.Length);
        record.ReadFields(stream, KeyTexts(stream), newest);
        foreach (StreamFeed feed in feeds)
        {
            // An older schema version may lack the key of an entity type that came later: such an event concerns no entity of it.
            if (feed.KeyPositions.Any(position => fields[position].IsNull))
            {
                continue;
            }

            var writer = new EventRecordWriter();
            writer.WriteCopyHead(record, feed, newest);
            batch.BeginRecord(map.Of(feed.Entity, writer.Key));
            Span<byte> room = batch.GetSpan(writer.Head.Length + record.Body.Length);
            writer.Head.CopyTo(room);
            record.Body.CopyTo(room[writer.Head.Length..]);
            batch.Advance(writer.Head.Length + record.Body.Length);
            batch.EndRecord();
        }
    }

    private static bool[] KeyTexts(StreamPlan stream)
    {
        var texts = new bool[stream.Fields.Length];
        foreach (int position in stream.Feeds.SelectMany(feed => feed.KeyPositions))
        {
            texts[position] = true;
        }

        return texts;
    }

    private async Task AppendAsync(AppendBatch batch, CancellationToken cancellationToken)
    {
        using (batch)
        {
            if (batch.Count > 0)
            {
                await log.AppendAsync(batch, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Remembers the last primary and the entity types of the copies behind it.</summary>
    private struct TailVisitor() : ILogVisitor
    {
        public byte[]? Primary { get; private set; }

        public HashSet<uint> EntityTypes { get; } = [];

        public bool Visit(LogRecord logged)
        {
            EventRecord record = EventRecord.Parse(logged.Payload);
            if (record.IsPrimary)
            {
                Primary = logged.Payload.ToArray();
                EntityTypes.Clear();
            }

            EntityTypes.Add(record.EntityTypeId);
            return true;
        }
    }

    /// <summary>Copies primaries until the batch is full; then the reading stops and goes on behind it.</summary>
    private struct CopyVisitor(HistoryCopies copies, Catalog catalog, Dictionary<uint, List<StreamFeed>> added) : ILogVisitor
    {
        private readonly Value[] _fields = new Value[Domain.Limits.StreamFieldsMax];

        public AppendBatch Batch { get; } = new();

        public long Next { get; private set; }

        public bool Visit(LogRecord logged)
        {
            Next = logged.Sequence.Value + 1;
            EventRecord record = EventRecord.Parse(logged.Payload);
            if (record.IsPrimary && added.TryGetValue(record.StreamId, out List<StreamFeed>? feeds))
            {
                copies.AddCopies(Batch, record, catalog.Stream(record.StreamId)!, feeds, _fields);
            }

            return Batch.Count < Limits.BackfillBatchRecords;
        }
    }
}
