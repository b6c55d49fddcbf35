using System.Collections.Immutable;
using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Expressions;
using OrleansFeatures.Domain.Windows;

namespace OrleansFeatures.Domain.Definitions;

/// <summary>Everything one entity type keeps and computes: a timeline for each stream that feeds it, and its features over them.</summary>
public sealed class EntityPlan
{
    internal EntityPlan(string name, ImmutableArray<FieldDefinition> key, Duration history)
    {
        History = history;
        Name = name;
        Key = key;
        Id = NameId.Of(name);
    }

    public string Name { get; }

    /// <summary>The entity type's number in records.</summary>
    public uint Id { get; }

    /// <summary>Key fields and their types (int64 or string). Empty: one entity for everything.</summary>
    public ImmutableArray<FieldDefinition> Key { get; }

    /// <summary>How far behind its newest event an entity answers exactly.</summary>
    public Duration History { get; }

    public ImmutableArray<TimelinePlan> Timelines { get; internal set; } = [];

    /// <summary>All features of all views of this entity type; a feature's index here is its number everywhere.</summary>
    public ImmutableArray<FeaturePlan> Features { get; internal set; } = [];
}

/// <summary>What one entity keeps of one stream: which fields as columns, which filters as bits, what chunks sum up, and for how long.</summary>
public sealed class TimelinePlan
{
    internal TimelinePlan(
        StreamPlan stream, ImmutableArray<ColumnPlan> columns, ImmutableArray<FilterPlan> filters, ImmutableArray<LanePlan> lanes, ImmutableArray<FeaturePlan> features, Duration reach, Duration slack)
    {
        Stream = stream;
        Columns = columns;
        Filters = filters;
        Lanes = lanes;
        Features = features;
        Slack = slack;
        Retention = new Duration(reach.Micros + slack.Micros);
        HasLifetime = features.Any(feature => feature.Window.Window.Kind == WindowKind.Lifetime);
        MaxAgeFilters = [.. features.Where(feature => feature.MaxAge is not null).Select(feature => feature.MaxAge!.FilterBits).Distinct()];
        CountWindows = [.. features.Where(feature => feature.Window.Window.Kind == WindowKind.Count).Select(feature => feature.Window).Distinct()];
        HopMicros = features.Select(feature => feature.Accuracy.Hop.Micros).DefaultIfEmpty(Catalog.AccuracyDefault.Hop.Micros).Min();
        ExactForMicros = features.Select(feature => feature.Accuracy.ExactFor.Micros).DefaultIfEmpty(Catalog.AccuracyDefault.ExactFor.Micros).Max();
    }

    public StreamPlan Stream { get; }

    public ImmutableArray<ColumnPlan> Columns { get; }

    /// <summary>By bit number in a row's flags.</summary>
    public ImmutableArray<FilterPlan> Filters { get; }

    /// <summary>What every full chunk sums up ahead of reads.</summary>
    public ImmutableArray<LanePlan> Lanes { get; }

    /// <summary>The features over this timeline.</summary>
    public ImmutableArray<FeaturePlan> Features { get; }

    /// <summary>How far behind the entity's newest event a read may ask, and an event may come, and the answer still be exact.</summary>
    public Duration Slack { get; }

    /// <summary>How long events stay: the farthest any feature looks back in time, and the slack.</summary>
    public Duration Retention { get; }

    /// <summary>Whether some feature sums up everything that ever came; then what leaves is summed up first.</summary>
    public bool HasLifetime { get; }

    /// <summary>Windows that hold events back from leaving, because they count events and not time.</summary>
    public ImmutableArray<WindowPlan> CountWindows { get; }

    /// <summary>
    /// Which events views look at for their age, one filter each: the newest that was there at any instant that may be asked for does not leave.
    /// </summary>
    public ImmutableArray<ulong> MaxAgeFilters { get; }

    /// <summary>Whether an event can change a value of this timeline however late it comes, because some window counts events and not time.</summary>
    public bool NeverTooLate => HasLifetime || !CountWindows.IsEmpty;

    /// <summary>The step of the summaries that raw events are compacted to: the finest that any feature declares.</summary>
    public long HopMicros { get; }

    /// <summary>How much of the newest event time compaction leaves alone as long as it can: the longest that any feature declares.</summary>
    public long ExactForMicros { get; }
}

/// <summary>One bit of a row's flags: the event fulfils a condition, or came in time for a view that allows this much lateness.</summary>
public sealed record FilterPlan(CompiledExpression? Where, Duration? AllowedLateness);

/// <summary>One field kept as a column.</summary>
/// <param name="Field">Its position in the stream's newest version.</param>
/// <param name="Type">Its type; text is kept as a number that stands for it.</param>
/// <param name="NullBit">The bit of a row's flags that says: null here.</param>
public sealed record ColumnPlan(int Field, FieldType Type, ulong NullBit);

/// <summary>
/// Rows that chunks sum up ahead of reads: those that pass the filter and are not null in the column (-1: all that pass). Features with the same
/// column and filter share it, whatever their windows.
/// </summary>
/// <param name="Column">Index into the timeline's columns, or -1.</param>
/// <param name="FilterBits">Which flags a row must have.</param>
/// <param name="Moments">Whether the second to fourth moments are needed as well.</param>
public sealed record LanePlan(int Column, ulong FilterBits, bool Moments);

/// <summary>One feature, resolved.</summary>
public sealed record FeaturePlan
{
    /// <summary>"view:feature".</summary>
    public required string Reference { get; init; }

    public required string View { get; init; }

    public required int ViewVersion { get; init; }

    public required string Name { get; init; }

    public required AggregateCall Aggregate { get; init; }

    /// <summary>The type of the value, or of a list's elements.</summary>
    public required FieldType Type { get; init; }

    public required WindowPlan Window { get; init; }

    /// <summary>Index into the timeline's columns; -1 for an aggregate without a field.</summary>
    public required int Column { get; init; }

    /// <summary>The column whose greatest or least values choose the events; -1 where the aggregate takes all.</summary>
    public int OrderBy { get; init; } = -1;

    /// <summary>The column whose values are the keys of a map; -1 for one value.</summary>
    public int By { get; init; } = -1;

    /// <summary>Index into the timeline's lanes, where chunk summaries serve the aggregate; else -1.</summary>
    public int Lane { get; init; } = -1;

    /// <summary>When the feature's value is too old to be had; null where it never is.</summary>
    public MaxAgePlan? MaxAge { get; init; }

    /// <summary>What is promised when the entity outgrows its memory budget.</summary>
    public AccuracyDefinition Accuracy { get; init; } = Catalog.AccuracyDefault;

    /// <summary>Stands in for null; itself null when the feature declares none.</summary>
    public required Value Default { get; init; }

    /// <summary>A map where the definition says <c>by</c>, else as the aggregate's.</summary>
    public FeatureShape Shape => By >= 0 ? FeatureShape.Map : Aggregate.Shape;
}

/// <summary>
/// A view's ttl: read at T, its features have no value where the newest event of the timeline at or before T whose flags have all of <paramref name="FilterBits"/> is older than
/// <paramref name="Ttl"/>. The bits are of the view's allowed lateness alone; what its filter leaves out is a sign of life all the same.
/// </summary>
public sealed record MaxAgePlan(int Timeline, Duration Ttl, ulong FilterBits);

/// <summary>How a feature's value is made up.</summary>
public enum FeatureShape : byte
{
    Scalar,
    List,

    /// <summary>A list in which keys and values alternate, in the order of the keys unless the aggregate says otherwise.</summary>
    Map,
}

/// <summary>
/// Which events a feature covers: read at T, those of one timeline that the window reaches from T - Delay and whose flags have all of
/// <paramref name="FilterBits"/>. Features with equal plans share one walk.
/// </summary>
public sealed record WindowPlan(int Timeline, WindowDefinition Window, Duration Delay, ulong FilterBits)
{
    /// <summary>Where tumbling windows start; null for every other kind. Equal plans have equal ones: it is made of the window alone.</summary>
    internal CalendarWindow? Calendar { get; init; }
}
