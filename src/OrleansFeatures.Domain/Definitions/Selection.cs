using System.Collections.Immutable;

namespace OrleansFeatures.Domain.Definitions;

/// <summary>
/// What a request reads, resolved once and reused: the features in answer order, and for each entity type involved the plan of one
/// state read.
/// </summary>
public sealed class Selection
{
    internal Selection(string name, IReadOnlyList<(EntityPlan Entity, FeaturePlan Feature)> features)
    {
        Name = name;
        Features = [.. features.Select(feature => feature.Feature)];
        Entities = [.. features.Select(feature => feature.Entity).Distinct().Select(entity => ReadOf(entity, features))];
        KeyFields = [.. Entities.SelectMany(read => read.Entity.Key).DistinctBy(field => field.Name)];
    }

    /// <summary>For messages: the feature service's reference, or "explicit list".</summary>
    public string Name { get; }

    public ImmutableArray<FeaturePlan> Features { get; }

    public ImmutableArray<EntityRead> Entities { get; }

    /// <summary>Every key field that a request must give.</summary>
    public ImmutableArray<FieldDefinition> KeyFields { get; }

    private static EntityRead ReadOf(EntityPlan entity, IReadOnlyList<(EntityPlan Entity, FeaturePlan Feature)> features)
    {
        ImmutableArray<int> positions = [.. Enumerable.Range(0, features.Count).Where(position => features[position].Entity == entity)];
        return new EntityRead(entity, positions, ReadPlan.For([.. positions.Select(position => features[position].Feature)]));
    }
}

/// <summary>The part of a selection that one entity type answers.</summary>
/// <param name="Entity">The entity type.</param>
/// <param name="Positions">For each feature of <paramref name="Plan"/>: its column in the answer.</param>
/// <param name="Plan">The read.</param>
public sealed record EntityRead(EntityPlan Entity, ImmutableArray<int> Positions, ReadPlan Plan);
