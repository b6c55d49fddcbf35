using OrleansFeatures.Domain.Saving;
using OrleansFeatures.Log;
using OrleansFeatures.Log.Snapshots;

namespace OrleansFeatures.Entities.Partitions;

/// <summary>
/// A partition's share of a checkpoint. What has changed is listed as it changes; a checkpoint takes the list, notes the offset applied at that moment, and saves the listed entities a few at a time, while events go on. One
/// that changes again before its turn is saved as it then is, with its own, newer state version: a replay from the noted offset passes over what it holds already.
/// </summary>
public sealed partial class Partition
{
    private List<EntityActor> _dirty = [];

    /// <summary>Takes the list of what has changed.</summary>
    internal PartitionCheckpoint BeginSaving(int number, SnapshotWriter writer)
    {
        lock (_gate)
        {
            var checkpoint = new PartitionCheckpoint(this, number, writer, Applied, _dirty);
            _dirty = [];
            return checkpoint;
        }
    }

    /// <summary>Saves some entities, in one turn. False when there are no more.</summary>
    internal bool SaveSome(PartitionCheckpoint checkpoint)
    {
        lock (_gate)
        {
            return checkpoint.SaveSome_NeedsLock();
        }
    }

    /// <summary>The checkpoint counts: entities lie where it has saved them, and may sleep. One turn of up to so many; false when there are no more.</summary>
    internal bool PublishSome(PartitionCheckpoint checkpoint)
    {
        lock (_gate)
        {
            checkpoint.Parts.Commit();
            foreach (ulong superseded in checkpoint.Parts.TakeSuperseded())
            {
                _states!.Forget(new StatePlace(superseded));
            }

            foreach (SavedEntity saved in checkpoint.TakeSaved(Limits.PublishTurnEntities))
            {
                saved.Actor.IsSaving = false;
                _states!.Forget(_actors.Move(saved.Actor.Plan.Id, saved.Actor.Key, saved.Place));
            }

            return checkpoint.HasSaved;
        }
    }

    /// <summary>The checkpoint has failed: what it was to save has to be saved by the next.</summary>
    internal void Abandon(PartitionCheckpoint checkpoint)
    {
        lock (_gate)
        {
            foreach ((StateEntry entry, StatePlace copy) in checkpoint.Copied)
            {
                _actors.Move(entry with { Place = copy }, entry.Place);
            }

            checkpoint.Parts.Abandon();
            foreach (SavedEntity saved in checkpoint.TakeSaved(int.MaxValue))
            {
                saved.Actor.IsSaving = false;
                MarkDirty(saved.Actor);
            }

            _dirty.AddRange(checkpoint.Unsaved);
        }
    }

    /// <summary>
    /// A record of a file that is to go: carried over if it is an entity's newest. Who sleeps is copied as it is; who is awake, or has parts, is saved by this checkpoint.
    /// </summary>
    internal void CarryOver(PartitionCheckpoint checkpoint, in StateEntry entry)
    {
        lock (_gate)
        {
            if (!_actors.TryFind(entry, out EntityActor? actor, out StatePlace place) || (entry.Kind == StateRecordKind.Entity && place != entry.Place))
            {
                return;
            }

            if (actor is null && entry.Kind == StateRecordKind.Entity && !SavedTag.HasParts(entry.Tag))
            {
                StatePlace copy = checkpoint.Writer.Copy(entry);
                _actors.Move(entry, copy);
                checkpoint.Copied.Add((entry, copy));
                return;
            }

            actor ??= WakeSaved(entry, place);
            long file = entry.Place.File;
            bool moves = actor.MoveParts(part => new StatePlace(part).File == file);
            if (moves || entry.Kind == StateRecordKind.Entity)
            {
                // Also one that changed after this checkpoint took its list, and stands in the next one's: its record goes with the file now, and without it a crash before the next would leave only what a replay brings.
                // Who is listed twice is saved once: the second time it has not changed.
                actor.IsDirty = true;
                checkpoint.Add(actor);
            }
        }
    }

    /// <summary>At start: an entity that was saved. False where a newer record of it has been seen.</summary>
    internal bool AddSaved(in StateEntry entry)
    {
        // Types that the definitions no longer have keep no entities.
        if (!_context.Has(entry.EntityType) || !_actors.AddAsleep(entry))
        {
            return false;
        }

        _events += SavedTag.EventsOf(entry.Tag);
        return true;
    }

    /// <summary>At start: everything up to this offset is in what was saved.</summary>
    internal void Resume(LogOffset applied) => Volatile.Write(ref _applied, applied.Value);

    private EntityActor WakeSaved(in StateEntry entry, StatePlace place)
    {
        EntityActor actor = EntityActor.Load(_context.LayoutOf(entry.EntityType), _states!.Read(place, StateRecordKind.Entity, ref _stateBuffer), _loading);
        _actors.Wake(entry.EntityType, actor);
        return actor;
    }

    private void MarkDirty(EntityActor actor)
    {
        if (!actor.IsDirty && _states is not null)
        {
            actor.IsDirty = true;
            _dirty.Add(actor);
        }
    }
}

/// <summary>One partition's share of a checkpoint under way; entered inside the partition's gate.</summary>
internal sealed class PartitionCheckpoint
{
    private readonly int _number;
    private readonly List<EntityActor> _toSave;
    private readonly Queue<SavedEntity> _saved = [];
    private readonly StateWriter _head = new();
    private int _next;
    private (ulong Hash, ulong Check, uint Type) _owner;

    public PartitionCheckpoint(Partition partition, int number, SnapshotWriter writer, LogOffset applied, List<EntityActor> toSave)
    {
        (Partition, _number, Writer, Applied, _toSave) = (partition, number, writer, applied, toSave);
        Parts = new SavedParts(AddPart);
    }

    public Partition Partition { get; }

    public SnapshotWriter Writer { get; }

    /// <summary>All records up to here are in what is saved.</summary>
    public LogOffset Applied { get; }

    public SavedParts Parts { get; }

    /// <summary>Records carried over as they are, and where to.</summary>
    public List<(StateEntry Entry, StatePlace Copy)> Copied { get; } = [];

    /// <summary>Entities saved or carried over.</summary>
    public long Entities { get; private set; }

    public bool HasSaved => _saved.Count > 0;

    public IEnumerable<EntityActor> Unsaved => _toSave.Skip(_next);

    public void Add(EntityActor actor) => _toSave.Add(actor);

    public bool SaveSome_NeedsLock()
    {
        int bytesLeft = Limits.SaveTurnBytes;
        while (_next < _toSave.Count && bytesLeft > 0)
        {
            EntityActor actor = _toSave[_next];
            if (!actor.IsDirty)
            {
                _next++;
                continue;
            }

            _owner = (Domain.StableHash.Of(actor.Key), EntityHash.CheckOf(actor.Key), actor.Plan.Id);
            if (!actor.SaveParts(Parts, bytesLeft))
            {
                return true;
            }

            _head.Clear();
            actor.Save(_head, Parts);
            StatePlace place = Writer.Add(StateRecordKind.Entity, _number, _owner.Type, _owner.Hash, _owner.Check, SavedTag.Of(actor), _head.Written);
            (actor.IsDirty, actor.IsSaving) = (false, true);
            _saved.Enqueue(new SavedEntity(actor, place));
            bytesLeft -= _head.Length + Limits.SaveEntityBytes;
            Entities++;
            _next++;
        }

        return _next < _toSave.Count;
    }

    public IEnumerable<SavedEntity> TakeSaved(int most)
    {
        for (; most > 0 && _saved.TryDequeue(out SavedEntity saved); most--)
        {
            yield return saved;
        }
    }

    private ulong AddPart(ReadOnlySpan<byte> part) => Writer.Add(StateRecordKind.Part, _number, _owner.Type, _owner.Hash, _owner.Check, 0, part).Bits;
}

/// <summary>An entity that a checkpoint has saved, and where.</summary>
internal readonly record struct SavedEntity(EntityActor Actor, StatePlace Place);

/// <summary>What an entity's entry in a state file's index says beside its hash: how many events it holds, and whether it has parts.</summary>
internal static class SavedTag
{
    private const uint Parts = 1u << 31;

    public static uint Of(EntityActor actor) => (uint)Math.Min(actor.EventCount, Parts - 1) | (actor.HasParts ? Parts : 0);

    public static bool HasParts(uint tag) => (tag & Parts) != 0;

    public static long EventsOf(uint tag) => tag & (Parts - 1);
}
