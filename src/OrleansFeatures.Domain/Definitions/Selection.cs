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

/// <summary>
/// Features of one entity type, grouped so that each distinct window is walked once and each column of it gathered once.
/// </summary>
public sealed class ReadPlan
{
    private ReadPlan(ImmutableArray<WindowRead> windows, int featureCount)
    {
        Windows = windows;
        FeatureCount = featureCount;
    }

    public ImmutableArray<WindowRead> Windows { get; }

    public int FeatureCount { get; }

    public static ReadPlan For(ImmutableArray<FeaturePlan> features)
    {
        var windows = features
            .Select((feature, output) => (feature, output))
            .GroupBy(pair => pair.feature.Window)
            .Select(window => new WindowRead(window.Key, [.. window
                .GroupBy(pair => pair.feature.Column)
                .Select(column => new ColumnRead(column.Key, [.. column]))]));
        return new ReadPlan([.. windows], features.Length);
    }
}

/// <summary>One window and the columns read in it.</summary>
public sealed record WindowRead(WindowPlan Window, ImmutableArray<ColumnRead> Columns);

/// <summary>One column (-1: none, events are only counted) and the features over it, each with its place in the read's output.</summary>
public sealed record ColumnRead(int Column, ImmutableArray<(FeaturePlan Feature, int Output)> Features);
