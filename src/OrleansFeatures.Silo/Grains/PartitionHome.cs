using Microsoft.Extensions.Logging;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Saving;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Entities.Saving;
using OrleansFeatures.Log;
using OrleansFeatures.Postgres.States;

namespace OrleansFeatures.Silo.Grains;

/// <summary>
/// What a silo has of a partition while it owns it, of one generation of definitions: who owns it since when, which entities are in memory, and what of them is in no checkpoint yet. It begins with a claim and ends with it, so
/// nothing in it was ever applied under another owner:
/// <code>
///   PartitionGrain ── delivers ──> EntityGrain ── Apply ──┐
///        │                                                ▼
///        └── marks dirty, moves Applied ──────────>  PartitionHome  ◄── reads, checkpoints: no grain call
///                                                    residents: entity -> actor        one gate for all of it
/// </code>
/// An entity is either resident, with every record that was delivered for it, or its row holds all of them, or it is on the dirty list and has to be healed when it comes back (<see cref="EntityLoading"/>).
/// </summary>
internal sealed class PartitionHome : IDisposable
{
    private readonly Dictionary<EntityName, Resident> _residents = new(EntityNames.Comparer);
    private readonly ILogger _logger;
    private readonly DirtyEntities _dirty = new();
    private long _checkpoint;
    private long _events;
    private long _created;

    public PartitionHome(Ownership ownership, ClusterDefinitions definitions, long entityBudgetBytes, IReadOnlyDictionary<uint, long>? floors, ILogger logger)
    {
        (Ownership, Definitions, _logger) = (ownership, definitions, logger);
        Context = new PartitionContext(definitions.Catalog, entityBudgetBytes, floors);
        _checkpoint = ownership.Claim.Applied.Value;
    }

    public Ownership Ownership { get; }

    public PartitionId Partition => Ownership.Partition;

    public ClusterDefinitions Definitions { get; }

    public PartitionContext Context { get; }

    /// <summary>The rows in PostgreSQL hold every record through here.</summary>
    public LogOffset Checkpoint => new(Volatile.Read(ref _checkpoint));

    public CheckpointReport LastCheckpoint { get; set; } = CheckpointReport.None;

    /// <summary>Somebody is applying records: it stands still because it is slow, and not because nothing is delivered.</summary>
    public bool IsAtWork { get; set; }

    /// <summary>Entities that had a row when the partition was claimed. Counted behind the claim, so it may come late.</summary>
    public long SavedAtClaim { get; set; }

    /// <summary>Begins a turn of a few records or one read.</summary>
    public Lock.Scope Enter() => Context.Enter();

    public DirtyEntities Dirty_NeedsLock => _dirty;

    public Resident? Find_NeedsLock(EntitySpan entity) => _residents.GetAlternateLookup<EntitySpan>().TryGetValue(entity, out Resident? resident) ? resident : null;

    /// <summary>An entity that is in memory and has taken every record that was delivered for it.</summary>
    public Resident? FindComplete_NeedsLock(EntitySpan entity, long previous = -1)
    {
        Resident? resident = Find_NeedsLock(entity);
        return resident is not null && resident.LastOffset >= previous && resident.LastOffset >= _dirty.LastOffsetOf(entity) ? resident : null;
    }

    /// <summary>Makes an entity resident; one that was, with less, goes.</summary>
    public Resident Put_NeedsLock(EntityName name, EntityActor? actor)
    {
        if (Find_NeedsLock(name.Span) is { } before)
        {
            Remove_NeedsLock(before);
        }

        _events += actor?.EventCount ?? 0;
        return _residents[name] = new Resident(name) { Actor = actor, LastOffset = (actor?.StateVersion ?? 0) - 1 };
    }

    /// <summary>Applies records of one entity, a few at a time. Those that it has are passed over. False where the home has ended meanwhile.</summary>
    public bool Apply(Resident resident, ReadOnlyMemory<byte> frames)
    {
        LogRecords records = LogRecords.Of(frames, $"what was delivered for an entity of partition {Partition.Value}");
        LogRecords.Enumerator each = records.GetEnumerator();
        for (bool more = true; more;)
        {
            using Lock.Scope turn = Enter();
            if (Ownership.IsOver)
            {
                return false;
            }

            for (int count = 0; count < Entities.Limits.TurnRecordsMax && (more = each.MoveNext()); count++)
            {
                Apply_NeedsLock(resident, each.Current);
            }
        }

        return true;
    }

    /// <summary>Reads one entity at one state version. Null is one of whom no event has come.</summary>
    public EntityStamp Read_NeedsLock(Resident? resident, EntityRead entity, EventTime asOf, EventTime knownAt, Span<FeatureValue> values)
    {
        if (resident is not null)
        {
            resident.IsWanted = true;
        }

        return Context.Read_NeedsLock(resident?.Actor, entity.Entity, entity.Plan, asOf, knownAt, values);
    }

    /// <summary>The entity's row as it is now.</summary>
    public EntityRow Save_NeedsLock(Resident resident) =>
        new(resident.Name.Type, resident.Name.Key, resident.Actor!.StateVersion, EntityBlob.Format, EntityBlob.Save(resident.Actor));

    /// <summary>The entity of a row; one whose bytes are wrong does not answer, and its neighbours do.</summary>
    public EntityActor? Load_NeedsLock(EntityName name, EntityRow? row)
    {
        if (row is not { } saved)
        {
            return null;
        }

        EntityLayout layout = Context.LayoutOf(name.Type);
        try
        {
            return EntityBlob.Load(layout, saved.State);
        }
        catch (StateFormatException damage)
        {
            _logger.StateUnreadable(Partition.Value, layout.Plan.Name, Convert.ToHexString(name.Key), damage.Message);
            return EntityActor.Faulted(layout, name.Key, new LogOffset(saved.Version - 1));
        }
    }

    /// <summary>The grain activation of an entity has gone. What it knows stays until a checkpoint holds it.</summary>
    public void Leave(Resident resident, IGrainContext grain)
    {
        using Lock.Scope turn = Enter();
        if (resident.Grain == grain)
        {
            resident.Grain = null;
            if (!IsDirty_NeedsLock(resident))
            {
                Remove_NeedsLock(resident);
            }
        }
    }

    /// <summary>A checkpoint through this offset is durable: entities without a grain that it holds go.</summary>
    public void CheckpointDone(LogOffset through, IReadOnlyCollection<EntityName> saved)
    {
        using Lock.Scope turn = Enter();
        Volatile.Write(ref _checkpoint, through.Value);
        List<EntityName> names = [.. saved];
        _dirty.Saved();
        foreach (EntityName name in names)
        {
            if (Find_NeedsLock(name.Span) is { Grain: null } left && !IsDirty_NeedsLock(left))
            {
                Remove_NeedsLock(left);
            }
        }
    }

    /// <summary>Grains whose entity nobody has wanted since the last call, and that a checkpoint holds: at most so many.</summary>
    public List<IGrainContext> TakeUnwanted(int most)
    {
        var unwanted = new List<IGrainContext>();
        using Lock.Scope turn = Enter();
        foreach (Resident resident in _residents.Values)
        {
            if (unwanted.Count == most)
            {
                break;
            }

            if (!resident.IsWanted && resident.Grain is not null && !IsDirty_NeedsLock(resident))
            {
                unwanted.Add(resident.Grain);
            }

            resident.IsWanted = false;
        }

        return unwanted;
    }

    public HomeCensus Census()
    {
        using Lock.Scope turn = Enter();
        long overhead = (long)_residents.Count * Limits.ResidentOverheadBytes;
        return new HomeCensus(Math.Max(SavedAtClaim + _created, _residents.Count), _residents.Count, _events, new PartitionMemory(
            Context.Memory.RowBytes, Context.Memory.TextBytes, Context.Memory.SummaryBytes, Context.Memory.FreeBytes, overhead,
            Context.Layouts.Sum(layout => layout.Compactions), Context.Layouts.Sum(layout => layout.BrokenPromises)));
    }

    /// <summary>The claim is over. Entities are let go all at once, and their grains leave this silo.</summary>
    public void Dispose()
    {
        List<IGrainContext> grains;
        using (Enter())
        {
            Ownership.Dispose();
            grains = [.. _residents.Values.Select(resident => resident.Grain).OfType<IGrainContext>()];
            _residents.Clear();
        }

        foreach (IGrainContext grain in grains)
        {
            grain.Deactivate(new DeactivationReason(DeactivationReasonCode.ApplicationRequested, "the entity's partition has left this silo"));
        }
    }

    private EntityActor Create_NeedsLock(EntityLayout layout, ReadOnlySpan<byte> key)
    {
        _created++;
        return new EntityActor(layout, key);
    }

    private bool IsDirty_NeedsLock(Resident resident) => _dirty.LastOffsetOf(resident.Name.Span) >= 0;

    /// <summary>Lets an entity go, whatever it knows.</summary>
    public void Remove_NeedsLock(Resident resident)
    {
        if (_residents.Remove(resident.Name))
        {
            _events -= resident.Actor?.EventCount ?? 0;
            resident.Actor?.Release();
            resident.Actor = null;
        }
    }

    private void Apply_NeedsLock(Resident resident, LogRecord logged)
    {
        long before = resident.Actor?.EventCount ?? 0;
        try
        {
            EventRecord record = EventRecord.Parse(logged.Payload);
            if (Context.TryFeed(record.StreamId, record.EntityTypeId, out PartitionFeed? feed))
            {
                resident.Actor ??= Create_NeedsLock(feed.Layout, record.Key);
                resident.Actor.Apply(feed.Timeline, record, logged.Offset);
            }
        }
        catch (Exception bug)
        {
            PoisonedRecord.Tell(_logger, logged, bug);
        }

        resident.LastOffset = Math.Max(resident.LastOffset, logged.Offset.Value);
        _events += (resident.Actor?.EventCount ?? 0) - before;
    }
}

/// <summary>What lives in a home.</summary>
/// <param name="Entities">In memory or only saved: those saved when the partition was claimed, and those that began since.</param>
/// <param name="Awake">Entities in memory.</param>
/// <param name="Events">Of these.</param>
/// <param name="Memory">What they take.</param>
internal readonly record struct HomeCensus(long Entities, long Awake, long Events, PartitionMemory Memory);
