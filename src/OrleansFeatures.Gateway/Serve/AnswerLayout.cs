using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using Wire = OrleansFeatures.V1;

namespace OrleansFeatures.Gateway.Serve;

/// <summary>
/// Where each column of a selection stands in an answer: one lane per kind of value, and a position among the columns of that lane.
/// A function of the selection, worked out once for each.
/// </summary>
public sealed class AnswerLayout
{
    private static readonly ConditionalWeakTable<Selection, AnswerLayout> Known = [];

    private AnswerLayout(Selection selection)
    {
        var widths = new int[LaneCount];
        var columns = ImmutableArray.CreateBuilder<Wire.FeatureColumn>(selection.Columns.Length);
        foreach (AnswerColumn column in selection.Columns)
        {
            Wire.Lane lane = LaneOf(column);
            columns.Add(new Wire.FeatureColumn
            {
                Name = column.Name,
                Type = (Wire.FieldType)column.Type,
                Lane = lane,
                LaneIndex = (uint)widths[(int)lane]++,
                KeyType = (Wire.FieldType)column.KeyType,
                HopMicros = column.Hop.Micros,
            });
        }

        Columns = columns.MoveToImmutable();
        Lanes = [.. Columns.Select(column => column.Lane)];
        Widths = [.. widths];
    }

    /// <summary>int64, double, string, list, map.</summary>
    private const int LaneCount = 5;

    /// <summary>By column of the selection. Shared by all answers: do not change them.</summary>
    public ImmutableArray<Wire.FeatureColumn> Columns { get; }

    /// <summary>By column: where its values go.</summary>
    public ImmutableArray<Wire.Lane> Lanes { get; }

    /// <summary>By lane: how many features it holds per row.</summary>
    public ImmutableArray<int> Widths { get; }

    public static AnswerLayout Of(Selection selection) => Known.GetValue(selection, static selection => new AnswerLayout(selection));

    private static Wire.Lane LaneOf(AnswerColumn column) => column switch
    {
        { Shape: FeatureShape.List } => Wire.Lane.List,
        { Shape: FeatureShape.Map } => Wire.Lane.Map,
        { Type: FieldType.Double } => Wire.Lane.Double,
        { Type: FieldType.String } => Wire.Lane.String,
        _ => Wire.Lane.Int64,
    };
}
