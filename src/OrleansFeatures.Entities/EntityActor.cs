using OrleansFeatures.Domain;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Memory;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Domain.Windows;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Log;

namespace OrleansFeatures.Entities;

/// <summary>
/// One entity: its state, and the offset of the last record it has taken. Lives in its partition, which lets one thread at a time in; each
/// call is one turn, so a read sees a whole number of events.
/// </summary>
public sealed class EntityActor : IKeyed
{
    private readonly EntityLayout _layout;
    private readonly EntityState _state;
    private readonly KeptKey _key;
    private string? _fault;

    public EntityActor(EntityLayout layout, ReadOnlySpan<byte> key)
    {
        _layout = layout;
        _state = new EntityState(layout);
        _key = new KeptKey(key, layout.Memory);
    }

    public ReadOnlySpan<byte> Key => _key.Bytes(_layout.Memory);

    /// <summary>Grows with every record applied, and is the same after a replay: the partition offset of the newest one, plus one.</summary>
    public long StateVersion { get; private set; }

    public long EventCount => _state.EventCount;

    /// <summary>Takes the next record of this entity; records at or before the last one taken are passed over, which makes redelivery harmless.</summary>
    public ApplyResult Apply(int timeline, in EventRecord record, LogOffset offset)
    {
        if (offset.Value < StateVersion)
        {
            return ApplyResult.Duplicate;
        }

        StateVersion = offset.Value + 1;
        try
        {
            return _state.Apply(timeline, record);
        }
        catch (Exception bug)
        {
            // A bug of ours, whatever its type: events were checked before they entered the log. This entity must not answer from a state that may be wrong; its neighbours go on.
            _fault = bug.Message;
            throw;
        }
    }

    /// <summary>Asks for the memory that its next record will touch: first where its newest rows begin, and some records later, when that has come, where the next row goes.</summary>
    public void Warm(bool begun) => _state.Warm(begun);

    /// <summary>In what form events of that time are held.</summary>
    public Presence PresenceOf(int timeline, EventTime time) => _state.PresenceOf(timeline, time);

    /// <summary>Bytes of rows and sums.</summary>
    public long HeldBytes => _state.HeldBytes;

    /// <summary>Sums up the oldest events until rows and sums take at most so much.</summary>
    public void Compact(long bytes) => _state.Compact(bytes);

    /// <summary>What it takes, by part.</summary>
    public EntityMemory Memory() => _state.Memory();

    /// <summary>Reads as of an instant, from what had arrived by another; the stamp says from which state.</summary>
    /// <exception cref="InvariantException">An earlier event met a bug; the entity does not answer until it has been rebuilt from the log.</exception>
    public EntityStamp Read(ReadPlan read, EventTime asOf, EventTime knownAt, Span<FeatureValue> values, WindowScratch scratch)
    {
        if (_fault is not null)
        {
            throw new InvariantException($"an entity of type '{_layout.Plan.Name}' met a bug at state version {StateVersion} and does not answer until the store has been restarted: {_fault}");
        }

        _state.Read(read, asOf, knownAt, values, scratch);
        return new EntityStamp(StateVersion, _state.LastEventTime?.Micros ?? 0);
    }
}
