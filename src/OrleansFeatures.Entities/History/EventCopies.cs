using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.History;

/// <summary>
/// The copies that an event in the log has, or should have, for some entity types: of an insert or a delete one for the entity that it concerns; of an upsert also a retraction
/// where the version before concerned another, which is looked up. One thread.
/// </summary>
internal sealed class EventCopies(PartitionMap map, IRecordLookup lookup)
{
    private readonly EventRecordWriter _writer = new();
    private readonly EntityKeys _keys = new();
    private readonly EntityKeys _before = new();

    /// <summary>Adds the copies for these feeds, but for those that are <paramref name="present"/>.</summary>
    public void Add(AppendBatch batch, in EventRecord record, StreamPlan stream, IReadOnlyList<StreamFeed> feeds, HashSet<(uint EntityType, bool Retracts)> present)
    {
        bool replaces = record.Operation == EventOperation.Upsert && record.Previous != EventVersion.None;
        if (!replaces && feeds.All(feed => present.Contains((feed.Entity.Id, false))))
        {
            return;
        }

        _keys.Read(stream, record);
        bool isBeforeKnown = replaces && TryReadBefore(stream, record.Previous);

        for (int index = 0; index < stream.Feeds.Length; index++)
        {
            StreamFeed feed = stream.Feeds[index];
            if (!feeds.Contains(feed))
            {
                continue;
            }

            ReadOnlySpan<byte> key = _keys.Of(index);
            ReadOnlySpan<byte> before = isBeforeKnown ? _before.Of(index) : default;
            if (!key.IsEmpty && !present.Contains((feed.Entity.Id, false)))
            {
                Write(batch, record, feed, key, retracts: false, isNewHere: replaces && !before.SequenceEqual(key));
            }

            if (!before.IsEmpty && !before.SequenceEqual(key) && !present.Contains((feed.Entity.Id, true)))
            {
                Write(batch, record, feed, before, retracts: true, isNewHere: false);
            }
        }
    }

    /// <summary>False where the version before has left raw history: then no copy of it was made of that history either, and there is nothing to take back.</summary>
    private bool TryReadBefore(StreamPlan stream, EventVersion previous)
    {
        try
        {
            _before.Read(stream, EventRecord.Parse(lookup.Find(new LogSequence(previous.LogSequence)).Payload));
            return true;
        }
        catch (LogTruncatedException)
        {
            return false;
        }
    }

    private void Write(AppendBatch batch, in EventRecord record, StreamFeed feed, ReadOnlySpan<byte> key, bool retracts, bool isNewHere)
    {
        _writer.WriteCopyHead(record, feed, key, retracts, isNewHere);
        batch.BeginRecord(map.Of(feed.Entity, key));
        Span<byte> room = batch.GetSpan(_writer.Head.Length + record.Body.Length);
        _writer.Head.CopyTo(room);
        record.Body.CopyTo(room[_writer.Head.Length..]);
        batch.Advance(_writer.Head.Length + record.Body.Length);
        batch.EndRecord();
    }
}
