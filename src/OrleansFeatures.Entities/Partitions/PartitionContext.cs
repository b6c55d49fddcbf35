using System.Diagnostics.CodeAnalysis;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Memory;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Domain.Windows;
using OrleansFeatures.Entities.Reads;

namespace OrleansFeatures.Entities.Partitions;

/// <summary>
/// What the actors of one partition share in one process, whoever keeps them: how their rows are laid out, the memory that these lie in, and the gate that lets one thread at a time in. Everything
/// that touches an actor, or the memory, happens inside the gate, for a few records or one read at a time.
/// </summary>
public sealed class PartitionContext
{
    private readonly Dictionary<(uint Stream, uint EntityType), PartitionFeed> _feeds = [];
    private readonly Dictionary<uint, EntityLayout> _layouts = [];
    private readonly WindowScratch _scratch = new();
    private PartitionFeed? _lastFeed;

    /// <param name="catalog">What to keep of whom.</param>
    /// <param name="entityBudgetBytes">What the rows of one entity may take before its oldest events are summed up.</param>
    /// <param name="floors">By stream: the newest event time of history that is missing from what these actors will be given.</param>
    public PartitionContext(Catalog catalog, long entityBudgetBytes, IReadOnlyDictionary<uint, long>? floors = null)
    {
        foreach (EntityPlan entity in catalog.Entities)
        {
            var layout = new EntityLayout(entity, Memory, forgets: true, entityBudgetBytes, floors);
            _layouts[entity.Id] = layout;
            for (int timeline = 0; timeline < entity.Timelines.Length; timeline++)
            {
                uint stream = entity.Timelines[timeline].Stream.Id;
                _feeds[(stream, entity.Id)] = new PartitionFeed(stream, layout, timeline);
            }
        }
    }

    public Lock Gate { get; } = new();

    /// <summary>Where the rows are.</summary>
    public StateMemory Memory { get; } = new(LargePages.Ask);

    public IEnumerable<EntityLayout> Layouts => _layouts.Values;

    /// <summary>Begins a turn, which ends with the scope: readers wait for it.</summary>
    public Lock.Scope Enter() => Gate.EnterScope();

    /// <summary>Whether the definitions have this entity type.</summary>
    public bool Has(uint entityType) => _layouts.ContainsKey(entityType);

    /// <exception cref="KeyNotFoundException">The definitions do not have this entity type.</exception>
    public EntityLayout LayoutOf(uint entityType) => _layouts[entityType];

    /// <summary>How records of a stream reach entities of a type; false where the definitions no longer have it so. Inside the gate.</summary>
    public bool TryFeed(uint stream, uint entityType, [NotNullWhen(true)] out PartitionFeed? feed)
    {
        feed = _lastFeed;
        if (feed is not null && feed.Stream == stream && feed.Layout.Plan.Id == entityType)
        {
            return true;
        }

        if (!_feeds.TryGetValue((stream, entityType), out feed))
        {
            return false;
        }

        _lastFeed = feed;
        return true;
    }

    /// <summary>Reads one entity; an entity never seen (null) answers as one with empty windows.</summary>
    public EntityStamp Read_NeedsLock(EntityActor? actor, EntityPlan entity, ReadPlan read, EventTime asOf, EventTime knownAt, Span<FeatureValue> values)
    {
        if (actor is not null)
        {
            return actor.Read(read, asOf, knownAt, values, _scratch);
        }

        EntityState.ReadUnknown(_layouts[entity.Id], read, asOf, knownAt, values, _scratch);
        return default;
    }
}

/// <summary>The way of a stream's records into entities of one type.</summary>
/// <param name="Stream">The stream's number.</param>
/// <param name="Layout">Of the entity type.</param>
/// <param name="Timeline">Which of the entity's timelines the stream is.</param>
public sealed record PartitionFeed(uint Stream, EntityLayout Layout, int Timeline);
