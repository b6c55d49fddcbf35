using System.Collections.Immutable;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Domain.Summaries;

/// <summary>Rows that share their statistics: those with all filter bits that are not null in the value column, in the by column, and in the column that events are chosen by.</summary>
/// <param name="Column">Index into the timeline's columns; -1 for aggregates without a field.</param>
/// <param name="FilterBits">Which flags a row must have.</param>
/// <param name="By">The column of the categories; -1 for none.</param>
/// <param name="OrderBy">The column that events are chosen by; -1 for none.</param>
/// <param name="Type">The type of the values; null without a column.</param>
/// <param name="ByType">The type of the categories.</param>
/// <param name="RankType">The type of what events are chosen by.</param>
/// <param name="HasTextIds">Whether events are known by texts and not by numbers.</param>
/// <param name="Statistics">What the features over these rows need together.</param>
internal sealed record SummarySpec(int Column, ulong FilterBits, int By, int OrderBy, FieldType Type, FieldType ByType, FieldType RankType, bool HasTextIds, ImmutableArray<StatisticPlan> Statistics);

/// <summary>What the summaries of one timeline keep. Made once for a timeline; immutable.</summary>
internal sealed class SummaryPlan
{
    private SummaryPlan(ImmutableArray<SummarySpec> specs) => Specs = specs;

    public ImmutableArray<SummarySpec> Specs { get; }

    public static SummaryPlan For(TimelinePlan plan) => new(
    [
        .. plan.Features.GroupBy(feature => (feature.Column, feature.Window.FilterBits, feature.By, feature.OrderBy)).Select(group => new SummarySpec(
            group.Key.Column,
            group.Key.FilterBits,
            group.Key.By,
            group.Key.OrderBy,
            TypeOf(plan, group.Key.Column),
            TypeOf(plan, group.Key.By),
            TypeOf(plan, group.Key.OrderBy),
            plan.Stream.HasTextIds,
            Needs(group, TypeOf(plan, group.Key.Column)))),
    ]);

    /// <summary>The index of the spec that a feature of the timeline is computed from.</summary>
    public int SpecOf(FeaturePlan feature)
    {
        for (int spec = 0; spec < Specs.Length; spec++)
        {
            SummarySpec known = Specs[spec];
            if (known.Column == feature.Column && known.FilterBits == feature.Window.FilterBits && known.By == feature.By && known.OrderBy == feature.OrderBy)
            {
                return spec;
            }
        }

        throw new InvariantException($"{feature.Reference} is no feature of this timeline");
    }

    private static FieldType TypeOf(TimelinePlan plan, int column) => column < 0 ? FieldType.Null : plan.Columns[column].Type;

    private static ImmutableArray<StatisticPlan> Needs(IEnumerable<FeaturePlan> features, FieldType type)
    {
        StatisticPlan[] needs = [.. features.SelectMany(feature => StatisticPlan.For(feature.Aggregate, type)).Distinct()];
        return [.. needs.Where(need => !needs.Any(other => other != need && other.Serves(need)))];
    }
}
