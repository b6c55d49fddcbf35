using OrleansFeatures.Domain.Saving;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Log;
using OrleansFeatures.Log.Snapshots;

namespace OrleansFeatures.Entities.Partitions;

/// <summary>
/// Entities are virtual: in memory while somebody wants them, and otherwise where a checkpoint has saved them.
/// <code>
///   first event ──> awake, dirty ──checkpoint──> awake, clean ──nobody wants it, or no room──> asleep ──event or read──> awake, clean
/// </code>
/// Only what a durable checkpoint holds may sleep. Who may stay is decided by a second chance: a hand goes round over the table, takes the mark from those that were wanted since it last came by, and puts the others to sleep.
/// </summary>
public sealed partial class Partition
{
    private readonly LoadedParts _loading;
    private byte[] _stateBuffer = [];
    private byte[] _partBuffer = [];

    /// <summary>
    /// Moves the hand on over so many slots: for one round in every idle time, and faster while memory is over its budget. Returns whether it has come round.
    /// </summary>
    internal bool Sweep(int slots)
    {
        lock (_gate)
        {
            bool isRound = Sweep_NeedsLock(slots);
            long held = Memory.HeldBytes + OverheadBytes;
            _budget.Report(held - _reportedBytes);
            _reportedBytes = held;
            return isRound;
        }
    }

    /// <summary>Slots of a whole round of the hand.</summary>
    internal int SweepSlots
    {
        get
        {
            lock (_gate)
            {
                return _actors.Capacity;
            }
        }
    }

    private bool Sweep_NeedsLock(int slots)
    {
        int asleep = _actors.Asleep;
        bool isRound = _states is not null && _actors.Sweep(slots, MaySleep);
        if (_actors.Asleep == asleep && _budget.IsOver)
        {
            // Nobody here can sleep: they are wanted, or have news that no checkpoint holds yet.
            _budget.AskForCheckpoint();
        }

        return isRound;
    }

    private static bool MaySleep(EntityActor actor, StatePlace place)
    {
        if (actor.IsWanted)
        {
            actor.IsWanted = false;
            return false;
        }

        if (actor.IsDirty || actor.IsSaving)
        {
            return false;
        }

        actor.Release();
        return true;
    }

    /// <summary>The entity, from memory or from where it was saved; null where it has never been seen.</summary>
    /// <exception cref="EntityUnreadableException">Its saved state is damaged.</exception>
    private EntityActor? Find_NeedsLock(uint entityTypeId, ReadOnlySpan<byte> key)
    {
        if (_actors.TryGet(entityTypeId, key, out EntityActor? actor, out StatePlace place))
        {
            actor.IsWanted = true;
            return actor;
        }

        if (place.IsNowhere)
        {
            return null;
        }

        actor = Wake(_context.LayoutOf(entityTypeId), key, place);
        WatchMemory();
        return actor;
    }

    private EntityActor Wake(EntityLayout layout, ReadOnlySpan<byte> key, StatePlace place)
    {
        EntityActor actor;
        try
        {
            actor = EntityActor.Load(layout, _states!.Read(place, StateRecordKind.Entity, ref _stateBuffer), _loading);
        }
        catch (Exception damage) when (damage is LogException or StateFormatException or IOException)
        {
            throw new EntityUnreadableException(layout.Plan.Name, _states!.Options.Directory, place, damage);
        }

        if (!actor.Key.SequenceEqual(key))
        {
            actor.Release();
            throw new EntityUnreadableException(layout.Plan.Name, _states.Options.Directory, place, new StateFormatException("another entity is saved there"));
        }

        actor.IsWanted = true;
        _actors.Wake(layout.Plan.Id, actor);
        return actor;
    }

    /// <summary>
    /// For a record that has to be applied: one whose entity cannot be loaded is not applied to anything. The entity then stays in memory as one that has missed something, and does not answer.
    /// </summary>
    private EntityActor WakeOrFault(EntityLayout layout, ReadOnlySpan<byte> key, StatePlace place, LogOffset offset)
    {
        try
        {
            return Wake(layout, key, place);
        }
        catch (EntityUnreadableException)
        {
            EntityActor fault = EntityActor.Faulted(layout, key, offset);
            _actors.Wake(layout.Plan.Id, fault);
            MarkDirty(fault);
            throw;
        }
    }
}

/// <summary>An entity's saved state is damaged, or the disk does not give it. Others are not concerned; the log has its events still.</summary>
public sealed class EntityUnreadableException(string entity, string directory, StatePlace place, Exception cause)
    : Exception($"the saved state of an entity of type '{entity}' in {directory}, {place}, cannot be read: {cause.Message} Other entities are not concerned. Rebuild it from the log: orleans-features replay --from start", cause);
