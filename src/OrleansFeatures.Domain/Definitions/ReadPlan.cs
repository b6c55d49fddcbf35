using System.Collections.Immutable;

namespace OrleansFeatures.Domain.Definitions;

/// <summary>
/// Features of one entity type, arranged for one read: each distinct window is located once; features that chunk summaries serve share one walk over each lane; the
/// others share the gathered values of their column.
/// </summary>
public sealed class ReadPlan
{
    private ReadPlan(ImmutableArray<FeaturePlan> features)
    {
        Features = features;
        ImmutableArray<(FeaturePlan Feature, int Output)> outputs = [.. features.Select((feature, output) => (feature, output))];
        Ranges = [.. features.Select(RangeOf).Distinct()];
        MaxAges = [.. outputs.Where(pair => pair.Feature.MaxAge is not null).GroupBy(pair => pair.Feature.MaxAge!).Select(group => new MaxAgeRead(group.Key, [.. group.Select(pair => pair.Output)]))];
        Lanes =
        [
            .. outputs.Where(pair => pair.Feature.Lane >= 0)
                .GroupBy(pair => (pair.Feature.Window.Timeline, pair.Feature.Lane, pair.Feature.Window.Delay))
                .Select(group => new LaneRead(group.Key.Timeline, group.Key.Lane, WindowsOf(group))),
        ];
        Gathers =
        [
            .. outputs.Where(pair => pair.Feature.Lane < 0)
                .GroupBy(pair => (Range: Ranges.IndexOf(RangeOf(pair.Feature)), pair.Feature.Window.Timeline, pair.Feature.Column, pair.Feature.By, pair.Feature.OrderBy, pair.Feature.Window.FilterBits))
                .Select(group => new GatherRead(
                    group.Key.Timeline,
                    group.Key.Range,
                    new GatherPlan(
                        group.Key.Column, group.Key.FilterBits, group.Key.By, group.Key.OrderBy < 0 && (group.Key.By >= 0 || group.Any(pair => pair.Feature.Aggregate.NeedsTimes)), group.Key.OrderBy),
                    [.. group])),
        ];
    }

    public ImmutableArray<FeaturePlan> Features { get; }

    public int FeatureCount => Features.Length;

    /// <summary>The timelines read, each once.</summary>
    public IEnumerable<int> Timelines => Ranges.Select(range => range.Timeline).Distinct();

    /// <summary>Distinct windows. The filter is zero where it does not matter for where the window lies.</summary>
    internal ImmutableArray<WindowPlan> Ranges { get; }

    internal ImmutableArray<LaneRead> Lanes { get; }

    internal ImmutableArray<GatherRead> Gathers { get; }

    internal ImmutableArray<MaxAgeRead> MaxAges { get; }

    public static ReadPlan For(ImmutableArray<FeaturePlan> features) => new(features);

    private static WindowPlan RangeOf(FeaturePlan feature) =>
        feature.Window.Window.Kind is WindowKind.Session or WindowKind.Count ? feature.Window : feature.Window with { FilterBits = 0 };

    private ImmutableArray<LaneWindow> WindowsOf(IEnumerable<(FeaturePlan Feature, int Output)> features) =>
    [
        .. features.GroupBy(pair => Ranges.IndexOf(RangeOf(pair.Feature))).Select(window => new LaneWindow(window.Key, [.. window])),
    ];
}

/// <summary>One lane, and the windows with one end in which it is read.</summary>
internal sealed record LaneRead(int Timeline, int Lane, ImmutableArray<LaneWindow> Windows);

/// <summary>A window by its index among the plan's ranges, and the features read from the lane's fold over it, each with its place in the read's output.</summary>
internal sealed record LaneWindow(int Range, ImmutableArray<(FeaturePlan Feature, int Output)> Features);

/// <summary>One age to look at, and the outputs whose values depend on it.</summary>
internal sealed record MaxAgeRead(MaxAgePlan Plan, ImmutableArray<int> Outputs);

/// <summary>Values gathered in one window, and the features computed from them.</summary>
internal sealed record GatherRead(int Timeline, int Range, GatherPlan Rows, ImmutableArray<(FeaturePlan Feature, int Output)> Features);

/// <summary>Which rows are gathered, and what of them: their values, and beside each its time or the value of the field that events are chosen by. A column of -1 is none.</summary>
internal sealed record GatherPlan(int Column, ulong FilterBits, int By, bool NeedsTimes, int OrderBy)
{
    /// <summary>Whether anything stands beside each value.</summary>
    public bool NeedsBeside => NeedsTimes || OrderBy >= 0;
}
