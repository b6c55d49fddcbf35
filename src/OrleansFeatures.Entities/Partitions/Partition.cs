using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Memory;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Domain.Windows;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.Partitions;

/// <summary>
/// A share of the entities, and the order in which their records are applied. Turn-based: whoever enters holds the gate for a few records or
/// one read, so a reader waits at most for these. Records must come in offset order.
/// </summary>
public sealed class Partition
{
    private readonly Lock _gate = new();
    private readonly EntityTable<EntityActor> _actors = new();
    private readonly Dictionary<(uint Stream, uint Entity), Feed> _feeds = [];
    private readonly WindowScratch _scratch = new();
    private Feed? _lastFeed;
    private long _applied = -1;
    private long _events;

    public Partition(Catalog catalog)
    {
        Memory = new StateMemory(LargePages.Ask);
        foreach (EntityPlan entity in catalog.Entities)
        {
            var layout = new EntityLayout(entity, Memory);
            for (int timeline = 0; timeline < entity.Timelines.Length; timeline++)
            {
                _feeds[(entity.Timelines[timeline].Stream.Id, entity.Id)] = new Feed(entity.Timelines[timeline].Stream.Id, layout, timeline);
            }
        }
    }

    /// <summary>Where this partition's entities keep their rows.</summary>
    public StateMemory Memory { get; }

    /// <summary>The newest record that reads can see; -1 before the first. May be read from any thread.</summary>
    public LogOffset Applied => new(Volatile.Read(ref _applied));

    /// <summary>
    /// Applies one record. A record for an entity type or stream that the catalog no longer has only moves the offset.
    /// </summary>
    /// <remarks>Whatever it throws is a bug of ours; the offset has moved, the entity no longer answers.</remarks>
    public void Apply_NeedsLock(in EventRecord record, LogOffset offset)
    {
        Volatile.Write(ref _applied, offset.Value);
        if (_lastFeed is not { } feed || feed.Stream != record.StreamId || feed.Layout.Plan.Id != record.EntityTypeId)
        {
            if (!_feeds.TryGetValue((record.StreamId, record.EntityTypeId), out feed))
            {
                return;
            }

            _lastFeed = feed;
        }

        EntityActor actor = ActorOf(feed.Layout, record.Key);
        long before = actor.EventCount;
        actor.Apply(feed.Timeline, record, offset);
        _events += actor.EventCount - before;
    }

    /// <summary>Begins a turn of some records (<see cref="Limits.TurnRecordsMax"/>), which ends with the scope: readers wait for it.</summary>
    public Lock.Scope Enter() => _gate.EnterScope();

    /// <summary>The entities, for whoever looks ahead: only the thread that applies.</summary>
    internal EntityTable<EntityActor> Actors => _actors;

    /// <summary>Reads one entity; an entity never seen answers as one with empty windows.</summary>
    public EntityStamp Read(EntityPlan entity, ReadOnlySpan<byte> key, ReadPlan read, EventTime asOf, EventTime knownAt, Span<FeatureValue> values)
    {
        lock (_gate)
        {
            if (_actors.TryGet(entity.Id, key, out EntityActor? actor))
            {
                return actor.Read(read, asOf, knownAt, values, _scratch);
            }
        }

        EntityState.ReadUnknown(read, values);
        return default;
    }

    /// <summary>Entities and events in memory.</summary>
    public (long Entities, long Events) Census()
    {
        lock (_gate)
        {
            return (_actors.Count, _events);
        }
    }

    private EntityActor ActorOf(EntityLayout layout, ReadOnlySpan<byte> key)
    {
        if (!_actors.TryGet(layout.Plan.Id, key, out EntityActor? actor))
        {
            actor = new EntityActor(layout, key);
            _actors.Add(layout.Plan.Id, actor);
        }

        return actor;
    }

    private sealed record Feed(uint Stream, EntityLayout Layout, int Timeline);
}
