using System.Diagnostics.CodeAnalysis;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Memory;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.History;

/// <summary>
/// Entities that are rebuilt from the log beside the live ones, with the domain's own state that this time forgets nothing. Records come in the log's order; those of entities
/// that were not added are passed over. One thread.
/// </summary>
internal sealed class PastEntities(IReadOnlyDictionary<uint, long>? floors = null)
{
    private readonly EntityTable<PastEntity> _entities = new();
    private readonly StateMemory _memory = new(LargePages.Ask);
    private readonly Dictionary<EntityPlan, EntityLayout> _layouts = [];
    private readonly Dictionary<(uint Stream, uint Entity), int> _timelines = [];

    public IEnumerable<PastEntity> All => _entities.All;

    public bool TryGet(uint entityTypeId, ReadOnlySpan<byte> key, [NotNullWhen(true)] out PastEntity? past) => _entities.TryGet(entityTypeId, key, out past);

    public PastEntity GetOrAdd(EntityPlan plan, ReadOnlySpan<byte> key)
    {
        if (_entities.TryGet(plan.Id, key, out PastEntity? past))
        {
            return past;
        }

        if (!_layouts.TryGetValue(plan, out EntityLayout? layout))
        {
            _layouts[plan] = layout = new EntityLayout(plan, _memory, forgets: false, floors: floors);
        }

        past = new PastEntity(layout, key.ToArray());
        _entities.Add(plan.Id, past);
        return past;
    }

    /// <summary>Applies a record to its entity; one of a stream that the definitions no longer feed to this entity type changes nothing.</summary>
    public void Apply(PastEntity past, in EventRecord record, LogOffset offset)
    {
        if (TimelineOf(record, past.Plan) is var timeline and >= 0)
        {
            past.Apply(timeline, record, offset);
        }
    }

    private int TimelineOf(in EventRecord record, EntityPlan plan)
    {
        if (!_timelines.TryGetValue((record.StreamId, record.EntityTypeId), out int timeline))
        {
            uint stream = record.StreamId;
            timeline = plan.Timelines.ToList().FindIndex(timeline => timeline.Stream.Id == stream);
            _timelines[(record.StreamId, record.EntityTypeId)] = timeline;
        }

        return timeline;
    }
}

/// <summary>One entity as the log tells it.</summary>
internal sealed class PastEntity(EntityLayout layout, byte[] key) : IKeyed
{
    public EntityPlan Plan => layout.Plan;

    public ReadOnlySpan<byte> Key => key;

    public ReadOnlyMemory<byte> KeyBytes => key;

    public EntityState State { get; } = new(layout);

    /// <summary>As the live actor counts it: the partition offset of the newest record applied, plus one.</summary>
    public long StateVersion { get; private set; }

    public void Apply(int timeline, in EventRecord record, LogOffset offset)
    {
        StateVersion = offset.Value + 1;
        State.Apply(timeline, record);
    }
}
