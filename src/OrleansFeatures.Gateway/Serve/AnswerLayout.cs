using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using Wire = OrleansFeatures.V1;

namespace OrleansFeatures.Gateway.Serve;

/// <summary>
/// Where each feature of a selection stands in an answer: one lane per kind of value, and a position among the features of that lane.
/// A function of the selection, worked out once for each.
/// </summary>
public sealed class AnswerLayout
{
    private static readonly ConditionalWeakTable<Selection, AnswerLayout> Known = [];

    private AnswerLayout(Selection selection)
    {
        var widths = new int[LaneCount];
        var columns = ImmutableArray.CreateBuilder<Wire.FeatureColumn>(selection.Features.Length);
        for (int index = 0; index < selection.Features.Length; index++)
        {
            FeaturePlan feature = selection.Features[index];
            Wire.Lane lane = LaneOf(feature);
            columns.Add(new Wire.FeatureColumn
            {
                Name = feature.Reference,
                Type = (Wire.FieldType)feature.Type,
                Lane = lane,
                LaneIndex = (uint)widths[(int)lane]++,
                KeyType = lane == Wire.Lane.Map ? KeyTypeOf(selection, index) : Wire.FieldType.Unspecified,
                HopMicros = feature.Accuracy.Hop.Micros,
            });
        }

        Columns = columns.MoveToImmutable();
        Widths = [.. widths];
    }

    /// <summary>int64, double, string, list, map.</summary>
    private const int LaneCount = 5;

    /// <summary>By feature. Shared by all answers: do not change them.</summary>
    public ImmutableArray<Wire.FeatureColumn> Columns { get; }

    /// <summary>By lane: how many features it holds per row.</summary>
    public ImmutableArray<int> Widths { get; }

    public static AnswerLayout Of(Selection selection) => Known.GetValue(selection, static selection => new AnswerLayout(selection));

    private static Wire.Lane LaneOf(FeaturePlan feature) => feature switch
    {
        { Shape: FeatureShape.List } => Wire.Lane.List,
        { Shape: FeatureShape.Map } => Wire.Lane.Map,
        { Type: FieldType.Double } => Wire.Lane.Double,
        { Type: FieldType.String } => Wire.Lane.String,
        _ => Wire.Lane.Int64,
    };

    /// <summary>The field that a map is by; without one the aggregate counts the values of its own column.</summary>
    private static Wire.FieldType KeyTypeOf(Selection selection, int index)
    {
        FeaturePlan feature = selection.Features[index];
        TimelinePlan timeline = selection.Entities.First(read => read.Positions.Contains(index)).Entity.Timelines[feature.Window.Timeline];
        return (Wire.FieldType)timeline.Columns[feature.By >= 0 ? feature.By : feature.Column].Type;
    }
}
