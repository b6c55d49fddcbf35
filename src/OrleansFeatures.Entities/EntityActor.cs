using OrleansFeatures.Domain;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Memory;
using OrleansFeatures.Domain.Saving;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Domain.Windows;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Log;

namespace OrleansFeatures.Entities;

/// <summary>
/// One entity: its state, and the offset of the last record it has taken. Lives in its partition, which lets one thread at a time in; each
/// call is one turn, so a read sees a whole number of events. Virtual: it may be saved, leave memory, and come back as the same.
/// </summary>
public sealed class EntityActor : IKeyed
{
    private readonly EntityLayout _layout;
    private readonly EntityState _state;
    private readonly KeptKey _key;

    public EntityActor(EntityLayout layout, ReadOnlySpan<byte> key) : this(layout, new EntityState(layout), key)
    {
    }

    private EntityActor(EntityLayout layout, EntityState state, ReadOnlySpan<byte> key)
    {
        _layout = layout;
        _state = state;
        _key = new KeptKey(key, layout.Memory);
    }

    public ReadOnlySpan<byte> Key => _key.Bytes(_layout.Memory);

    public EntityPlan Plan => _layout.Plan;

    /// <summary>Grows with every record applied, and is the same after a replay: the partition offset of the newest one, plus one.</summary>
    public long StateVersion { get; private set; }

    public long EventCount => _state.EventCount;

    /// <summary>A record met a bug of ours; it does not answer until it has been rebuilt from the log.</summary>
    public bool IsFaulted { get; private set; }

    /// <summary>Records have come since it was last saved.</summary>
    internal bool IsDirty { get; set; }

    /// <summary>It has been saved, in a checkpoint that does not count yet.</summary>
    internal bool IsSaving { get; set; }

    /// <summary>Somebody has wanted it since the hand last came by.</summary>
    internal bool IsWanted { get; set; }

    /// <summary>Takes the next record of this entity; records at or before the last one taken are passed over, which makes redelivery harmless.</summary>
    public ApplyResult Apply(int timeline, in EventRecord record, LogOffset offset)
    {
        if (offset.Value < StateVersion)
        {
            return ApplyResult.Duplicate;
        }

        StateVersion = offset.Value + 1;
        if (IsFaulted)
        {
            return ApplyResult.NotHere;
        }

        bool isApplied = false;
        try
        {
            ApplyResult result = _state.Apply(timeline, record);
            isApplied = true;
            return result;
        }
        finally
        {
            // A bug of ours, whatever its type: events were checked before they entered the log. This entity must not answer from a state that may be wrong; its neighbours go on.
            IsFaulted |= !isApplied;
        }
    }

    /// <summary>Asks for the memory that its next record will touch: first where its newest rows begin, and some records later, when that has come, where the next row goes.</summary>
    public void Warm(bool begun) => _state.Warm(begun);

    /// <summary>Asks for the rows that a read to come will look at. Any thread, outside the gate: what it finds there is a guess, and nothing changes.</summary>
    internal void WarmRows() => _state.WarmRows();

    /// <summary>In what form events of that time are held.</summary>
    public Presence PresenceOf(int timeline, EventTime time) => _state.PresenceOf(timeline, time);

    /// <summary>Bytes of rows and sums.</summary>
    public long HeldBytes => _state.HeldBytes;

    /// <summary>What it takes, by part.</summary>
    public EntityMemory Memory() => _state.Memory();

    /// <summary>Reads as of an instant, from what had arrived by another; the stamp says from which state.</summary>
    /// <exception cref="InvariantException">An earlier event met a bug; the entity does not answer until it has been rebuilt from the log.</exception>
    public EntityStamp Read(ReadPlan read, EventTime asOf, EventTime knownAt, Span<FeatureValue> values, WindowScratch scratch)
    {
        if (IsFaulted)
        {
            throw new InvariantException($"an entity of type '{_layout.Plan.Name}' met a bug at or before state version {StateVersion}, which the server's log names, and does not answer until it has been rebuilt: orleans-features replay");
        }

        _state.Read(read, asOf, knownAt, values, scratch);
        return new EntityStamp(StateVersion, _state.LastEventTime?.Micros ?? 0);
    }

    /// <summary>
    /// Saves parts of a large entity ahead of its head, until so many bytes are. True when all that have changed are; then <see cref="Save"/> is quick.
    /// </summary>
    internal bool SaveParts(SavedParts parts, int bytesMax) => IsFaulted || _state.SaveParts(parts, bytesMax);

    /// <summary>
    /// Writes the entity: <code>[ faulted : 1 ][ state version : 8 ][ key : 4 + k ][ state ]</code> A faulted one is saved as that, without its state: what it missed must not be forgotten by a restart.
    /// </summary>
    internal void Save(StateWriter to, SavedParts parts)
    {
        to.Flag(IsFaulted);
        to.Int64(StateVersion);
        to.Bytes(Key);
        if (!IsFaulted)
        {
            _state.Save(to, parts);
        }
    }

    /// <summary>The entity that was saved.</summary>
    /// <exception cref="StateFormatException">The bytes are of another entity, or wrong; no memory is held.</exception>
    internal static EntityActor Load(EntityLayout layout, ReadOnlySpan<byte> saved, LoadedParts parts)
    {
        var from = new StateReader(saved);
        bool isFaulted = from.Flag();
        long version = from.Int64();
        ReadOnlySpan<byte> key = from.Bytes();
        if (version <= 0 || key.Length > EntityKeyEncoding.BytesMax)
        {
            throw new StateFormatException($"an entity of state version {version} with a key of {key.Length} bytes");
        }

        EntityState state = isFaulted ? new EntityState(layout) : EntityState.Load(layout, ref from, parts);
        if (from.Left != 0)
        {
            state.Release();
            from.End();
        }

        return new EntityActor(layout, state, key) { StateVersion = version, IsFaulted = isFaulted };
    }

    /// <summary>An entity that has missed the record of that offset, because its state cannot be read.</summary>
    internal static EntityActor Faulted(EntityLayout layout, ReadOnlySpan<byte> key, LogOffset offset) => new(layout, key) { StateVersion = offset.Value + 1, IsFaulted = true };

    /// <summary>Whether some of it is saved as parts of their own.</summary>
    internal bool HasParts => _state.HasParts;

    /// <summary>Parts that lie in such a place are to be saved again. Says whether there are any.</summary>
    internal bool MoveParts(Predicate<ulong> isConcerned) => _state.MoveParts(isConcerned);

    /// <summary>Gives its memory back; it must not be used any more.</summary>
    internal void Release()
    {
        _state.Release();
        _key.Release(_layout.Memory);
    }
}
