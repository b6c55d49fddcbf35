using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Memory;
using OrleansFeatures.Domain.Saving;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Domain.Windows;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Log;
using OrleansFeatures.Log.Snapshots;

namespace OrleansFeatures.Entities.Partitions;

/// <summary>
/// A share of the entities, and the order in which their records are applied. Turn-based: whoever enters holds the gate for a few records or
/// one read, so a reader waits at most for these. Records must come in offset order.
/// </summary>
public sealed partial class Partition
{
    private readonly Lock _gate;
    private readonly EntityTable<EntityActor> _actors = new();
    private readonly PartitionContext _context;
    private readonly MemoryBudget _budget;
    private readonly SnapshotStore? _states;
    private long _applied = -1;
    private long _events;
    private long _reportedBytes;

    /// <param name="catalog">What to keep of whom.</param>
    /// <param name="budget">Of the process; shared by all partitions.</param>
    /// <param name="states">Where entities are saved to and loaded from; without it all of them stay in memory.</param>
    /// <param name="floors">By stream: the newest event time of history that is missing from what this partition will be given.</param>
    public Partition(Catalog catalog, MemoryBudget budget, SnapshotStore? states = null, IReadOnlyDictionary<uint, long>? floors = null)
    {
        _budget = budget;
        _states = states;
        _loading = new LoadedParts(place => states!.Read(new StatePlace(place), StateRecordKind.Part, ref _partBuffer));
        _context = new PartitionContext(catalog, budget.EntityBytes, floors);
        _gate = _context.Gate;
    }

    /// <summary>Where this partition's entities keep their rows.</summary>
    public StateMemory Memory => _context.Memory;

    /// <summary>The newest record that reads can see; -1 before the first. May be read from any thread.</summary>
    public LogOffset Applied => new(Volatile.Read(ref _applied));

    /// <summary>
    /// Applies one record. A record for an entity type or stream that the catalog no longer has only moves the offset; one at or before <see cref="Applied"/> changes nothing.
    /// </summary>
    /// <remarks>Whatever it throws is a bug of ours; the offset has moved, the entity no longer answers.</remarks>
    public void Apply_NeedsLock(in EventRecord record, LogOffset offset)
    {
        if (offset.Value <= _applied)
        {
            return;
        }

        Volatile.Write(ref _applied, offset.Value);
        if (!_context.TryFeed(record.StreamId, record.EntityTypeId, out PartitionFeed? feed))
        {
            return;
        }

        EntityActor actor = ActorOf(feed.Layout, record.Key, offset);
        long before = actor.EventCount;
        MarkDirty(actor);
        actor.Apply(feed.Timeline, record, offset);
        _events += actor.EventCount - before;
        WatchMemory();
    }

    /// <summary>Begins a turn of some records (<see cref="Limits.TurnRecordsMax"/>), which ends with the scope: readers wait for it.</summary>
    public Lock.Scope Enter() => _gate.EnterScope();

    /// <summary>The entities, for whoever looks ahead: the thread that applies, and for what says so any that will read.</summary>
    internal EntityTable<EntityActor> Actors => _actors;

    /// <summary>Reads one entity; an entity never seen answers as one with empty windows.</summary>
    public EntityStamp Read(EntityPlan entity, ReadOnlySpan<byte> key, ReadPlan read, EventTime asOf, EventTime knownAt, Span<FeatureValue> values)
    {
        lock (_gate)
        {
            return _context.Read_NeedsLock(Find_NeedsLock(entity.Id, key), entity, read, asOf, knownAt, values);
        }
    }

    /// <summary>How many entities there are, how many of them are in memory, and the events of all.</summary>
    public PartitionCensus Census()
    {
        lock (_gate)
        {
            return new PartitionCensus(_actors.Count, _actors.Count - _actors.Asleep, _events);
        }
    }

    /// <summary>One entity's memory by part; null where it has never been seen.</summary>
    public EntityMemory? MemoryOf(EntityPlan entity, ReadOnlySpan<byte> key)
    {
        lock (_gate)
        {
            return Find_NeedsLock(entity.Id, key)?.Memory();
        }
    }

    /// <summary>In what form an entity holds events of that time and stream.</summary>
    public Presence PresenceOf(EntityPlan entity, ReadOnlySpan<byte> key, int timeline, EventTime time)
    {
        lock (_gate)
        {
            return Find_NeedsLock(entity.Id, key)?.PresenceOf(timeline, time) ?? Presence.Gone;
        }
    }

    /// <summary>What the partition's entities take, by part.</summary>
    public PartitionMemory MemoryUse()
    {
        lock (_gate)
        {
            return new PartitionMemory(
                Memory.RowBytes,
                Memory.TextBytes,
                Memory.SummaryBytes,
                Memory.FreeBytes,
                OverheadBytes,
                _context.Layouts.Sum(layout => layout.Compactions),
                _context.Layouts.Sum(layout => layout.BrokenPromises));
        }
    }

    /// <summary>The generation that this partition belongs to is no longer live: what it holds does not count any more.</summary>
    public void Retire()
    {
        lock (_gate)
        {
            _budget.Report(-_reportedBytes);
            _reportedBytes = 0;
        }
    }

    private long OverheadBytes => ((long)(_actors.Count - _actors.Asleep) * Limits.EntityOverheadBytes) + ((long)_actors.Count * Limits.EntitySlotBytes);

    private void WatchMemory()
    {
        long held = Memory.HeldBytes + OverheadBytes;
        if (Math.Abs(held - _reportedBytes) < Limits.MemoryReportBytes)
        {
            return;
        }

        _budget.Report(held - _reportedBytes);
        _reportedBytes = held;
        if (_budget.IsOver)
        {
            Sweep_NeedsLock(Limits.SweepSlotsMax);
        }
    }

    private EntityActor ActorOf(EntityLayout layout, ReadOnlySpan<byte> key, LogOffset offset)
    {
        if (_actors.TryGet(layout.Plan.Id, key, out EntityActor? actor, out StatePlace place))
        {
            actor.IsWanted = true;
            return actor;
        }

        if (!place.IsNowhere)
        {
            return WakeOrFault(layout, key, place, offset);
        }

        actor = new EntityActor(layout, key) { IsWanted = true };
        _actors.Add(layout.Plan.Id, actor);
        return actor;
    }
}

/// <summary>What lives in a partition.</summary>
/// <param name="Entities">In memory or only saved.</param>
/// <param name="Awake">In memory.</param>
/// <param name="Events">Of all of them.</param>
public readonly record struct PartitionCensus(long Entities, long Awake, long Events);

/// <summary>What a partition's entities take, by part.</summary>
/// <param name="RowBytes">Rows, with the unused room of their chunks.</param>
/// <param name="TextBytes">Texts, ids included.</param>
/// <param name="SummaryBytes">Sums of compacted events.</param>
/// <param name="FreeBytes">Taken from the system and not in use.</param>
/// <param name="OverheadBytes">Keys, tables, actors: an estimate.</param>
/// <param name="Compactions">How often an entity's oldest events have been summed up.</param>
/// <param name="BrokenPromises">How often that reached into event time that a feature declared exact.</param>
public readonly record struct PartitionMemory(
    long RowBytes, long TextBytes, long SummaryBytes, long FreeBytes, long OverheadBytes, long Compactions, long BrokenPromises)
{
    /// <summary>Everything in use.</summary>
    public long HeldBytes => RowBytes + TextBytes + SummaryBytes + OverheadBytes;

    public static PartitionMemory operator +(PartitionMemory left, PartitionMemory right) => new(
        left.RowBytes + right.RowBytes,
        left.TextBytes + right.TextBytes,
        left.SummaryBytes + right.SummaryBytes,
        left.FreeBytes + right.FreeBytes,
        left.OverheadBytes + right.OverheadBytes,
        left.Compactions + right.Compactions,
        left.BrokenPromises + right.BrokenPromises);
}
