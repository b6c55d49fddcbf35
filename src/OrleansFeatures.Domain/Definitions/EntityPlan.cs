using System.Collections.Immutable;
using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Expressions;

namespace OrleansFeatures.Domain.Definitions;

/// <summary>Everything one entity type keeps and computes: a timeline for each stream that feeds it, and its features over them.</summary>
public sealed class EntityPlan
{
    internal EntityPlan(string name, ImmutableArray<FieldDefinition> key)
    {
        Name = name;
        Key = key;
        Id = NameId.Of(name);
    }

    public string Name { get; }

    /// <summary>The entity type's number in records.</summary>
    public uint Id { get; }

    /// <summary>Key fields and their types (int64 or string). Empty: one entity for everything.</summary>
    public ImmutableArray<FieldDefinition> Key { get; }

    public ImmutableArray<TimelinePlan> Timelines { get; internal set; } = [];

    /// <summary>All features of all views of this entity type; a feature's index here is its number everywhere.</summary>
    public ImmutableArray<FeaturePlan> Features { get; internal set; } = [];
}

/// <summary>What one entity keeps of one stream: which fields as columns, which filters as bits, and for how long.</summary>
public sealed class TimelinePlan
{
    internal TimelinePlan(StreamPlan stream, ImmutableArray<ColumnPlan> columns, ImmutableArray<CompiledExpression> filters, Duration retention)
    {
        Stream = stream;
        Columns = columns;
        Filters = filters;
        Retention = retention;
        NumberSlots = FirstNumberSlot(stream.HasTextIds) + columns.Count(column => column.Type != FieldType.String);
        TextSlots = (stream.HasTextIds ? 1 : 0) + columns.Count(column => column.Type == FieldType.String);
    }

    public StreamPlan Stream { get; }

    public ImmutableArray<ColumnPlan> Columns { get; }

    /// <summary>By bit number in a row's flags.</summary>
    public ImmutableArray<CompiledExpression> Filters { get; }

    /// <summary>How long events stay: the farthest any feature looks back, plus <see cref="Catalog.RetentionSlack"/>.</summary>
    public Duration Retention { get; }

    /// <summary>Eight-byte slots of a row: time, flags, the id where it is a number, then the number columns.</summary>
    public int NumberSlots { get; }

    /// <summary>Text slots of a row: the id where it is text, then the text columns.</summary>
    public int TextSlots { get; }

    internal static int FirstNumberSlot(bool hasTextIds) => hasTextIds ? 2 : 3;
}

/// <summary>One field kept as a column.</summary>
/// <param name="Field">Its position in the stream's newest version.</param>
/// <param name="Type">Its type; a string column lives in the text slots, every other in the number slots.</param>
/// <param name="Slot">Its slot among those of its kind.</param>
/// <param name="NullBit">The bit of a row's flags that says: null here.</param>
public sealed record ColumnPlan(int Field, FieldType Type, int Slot, ulong NullBit);

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

    /// <summary>Index into the timeline's columns; -1 for count without a field.</summary>
    public required int Column { get; init; }

    /// <summary>Stands in for null; itself null when the feature declares none.</summary>
    public required Value Default { get; init; }
}

/// <summary>
/// Which events a feature covers: read at T, those of one timeline with event time in (T - Delay - Width, T - Delay] whose flags have
/// all of <paramref name="FilterBits"/>. Features with equal plans share one walk.
/// </summary>
public sealed record WindowPlan(int Timeline, Duration Width, Duration Delay, ulong FilterBits)
{
    /// <summary>How far back of T the window begins.</summary>
    public long ReachMicros => Width.Micros + Delay.Micros;
}
