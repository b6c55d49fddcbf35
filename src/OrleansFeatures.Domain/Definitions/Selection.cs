using System.Collections.Immutable;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Domain.Definitions;

/// <summary>
/// What a request reads, resolved once and reused: what entities are read for, with the plan of one state read for each entity type involved, and what is answered.
/// <code>
///   Features   what entities answer, in the order of the answer; behind them those that on-demand features compute with and nobody asked for
///   Columns    what the request asked for, in its order; each a feature, or an on-demand feature
/// </code>
/// Without on-demand features the two are the same, and <see cref="IsPlain"/>.
/// </summary>
public sealed class Selection
{
    internal Selection(string name, IReadOnlyList<SelectedFeature> selected)
    {
        Name = name;
        IEnumerable<SelectedFeature> inputs = selected
            .Where(one => one.OnDemand is not null)
            .SelectMany(one => one.OnDemand!.Inputs.Select(input => new SelectedFeature(input.Entity, input.Feature)));
        SelectedFeature[] read = [.. selected.Where(one => one.Feature is not null).Concat(inputs).Distinct()];
        Features = [.. read.Select(one => one.Feature!)];
        Entities = [.. read.Select(one => one.Entity!).Distinct().Select(entity => ReadOf(entity, read))];
        KeyFields = [.. Entities.SelectMany(entity => entity.Entity.Key).DistinctBy(field => field.Name)];
        RequestFields = [.. selected.SelectMany(one => one.OnDemand?.Request ?? []).DistinctBy(field => field.Name)];
        OnDemand = [.. selected.Where(one => one.OnDemand is not null).Select(one => new OnDemandRead(one.OnDemand!, Features, RequestFields))];
        Columns = [.. ColumnsOf(selected)];
    }

    /// <summary>For messages: the feature service's reference, or "explicit list".</summary>
    public string Name { get; }

    /// <summary>What entities are read for. Not all of it is answered: see <see cref="Columns"/>.</summary>
    public ImmutableArray<FeaturePlan> Features { get; }

    public ImmutableArray<EntityRead> Entities { get; }

    /// <summary>What is answered, in order.</summary>
    public ImmutableArray<AnswerColumn> Columns { get; }

    /// <summary>What is computed once entities have answered.</summary>
    public ImmutableArray<OnDemandRead> OnDemand { get; }

    /// <summary>Every key field that a request must give.</summary>
    public ImmutableArray<FieldDefinition> KeyFields { get; }

    /// <summary>Every field of its own that a request must give, for on-demand features.</summary>
    public ImmutableArray<FieldDefinition> RequestFields { get; }

    /// <summary>Whether what entities answer is the answer.</summary>
    public bool IsPlain => OnDemand.IsEmpty;

    private static EntityRead ReadOf(EntityPlan entity, SelectedFeature[] read)
    {
        ImmutableArray<int> positions = [.. Enumerable.Range(0, read.Length).Where(position => read[position].Entity == entity)];
        return new EntityRead(entity, positions, ReadPlan.For([.. positions.Select(position => read[position].Feature!)]));
    }

    private IEnumerable<AnswerColumn> ColumnsOf(IReadOnlyList<SelectedFeature> selected)
    {
        int onDemand = 0;
        foreach (SelectedFeature one in selected)
        {
            yield return one.OnDemand is { } plan
                ? new AnswerColumn(plan.Name, plan.Type, FeatureShape.Scalar, FieldType.Null, HopOf(plan), -1, onDemand++)
                : ColumnOf(one.Entity!, one.Feature!);
        }
    }

    private AnswerColumn ColumnOf(EntityPlan entity, FeaturePlan feature)
    {
        // A map's keys are of the field that it is by; without one the aggregate counts the values of its own column.
        FieldType keyType = feature.Shape == FeatureShape.Map
            ? entity.Timelines[feature.Window.Timeline].Columns[feature.By >= 0 ? feature.By : feature.Column].Type
            : FieldType.Null;
        return new AnswerColumn(feature.Reference, feature.Type, feature.Shape, keyType, feature.Accuracy.Hop, Features.IndexOf(feature), -1);
    }

    /// <summary>The longest of its inputs': each may be blurred by as much as its own.</summary>
    private static Duration HopOf(OnDemandPlan plan) => plan.Inputs.Select(input => input.Feature.Accuracy.Hop).DefaultIfEmpty(Duration.Zero).Max();
}

/// <summary>One column of an answer.</summary>
/// <param name="Name">"view:feature", or an on-demand feature's name.</param>
/// <param name="Type">Of the value, of a list's elements, or of a map's values.</param>
/// <param name="Shape">How the value is made up.</param>
/// <param name="KeyType">Of a map's keys; else <see cref="FieldType.Null"/>.</param>
/// <param name="Hop">The step of summaries that an approximate value may be blurred by.</param>
/// <param name="Feature">Index among <see cref="Selection.Features"/>; -1 for what is computed on demand.</param>
/// <param name="OnDemand">Index among <see cref="Selection.OnDemand"/>; -1 for what entities answer.</param>
public sealed record AnswerColumn(string Name, FieldType Type, FeatureShape Shape, FieldType KeyType, Duration Hop, int Feature, int OnDemand);

/// <summary>The part of a selection that one entity type answers.</summary>
/// <param name="Entity">The entity type.</param>
/// <param name="Positions">For each feature of <paramref name="Plan"/>: its place among the selection's features.</param>
/// <param name="Plan">The read.</param>
public sealed record EntityRead(EntityPlan Entity, ImmutableArray<int> Positions, ReadPlan Plan)
{
    /// <summary>Where the first of its features stands, when they stand side by side in the order of <see cref="Plan"/>, as they do unless entities take turns; else -1.</summary>
    public int Run { get; } = Positions.Length > 0 && Positions.Index().All(place => place.Item == Positions[0] + place.Index) ? Positions[0] : -1;
}

/// <summary>A feature that is asked for: of an entity, or on demand.</summary>
internal readonly record struct SelectedFeature(EntityPlan? Entity, FeaturePlan? Feature, OnDemandPlan? OnDemand = null)
{
    public string Reference => OnDemand?.Name ?? Feature!.Reference;
}
