using System.Collections.Immutable;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Domain.Definitions;

/// <summary>
/// What a feature repository says, as written: names are not yet resolved. The catalog resolves and checks it.
/// Order is the files' order, which is also the order of columns and features in answers.
/// </summary>
public sealed record DefinitionSet(
    ImmutableArray<StreamDefinition> Streams,
    ImmutableArray<EntityDefinition> Entities,
    ImmutableArray<FeatureViewDefinition> FeatureViews,
    ImmutableArray<FeatureServiceDefinition> FeatureServices)
{
    public static readonly DefinitionSet Empty = new([], [], [], []);

    /// <summary>What is computed at the request, from its fields and from features.</summary>
    public ImmutableArray<OnDemandDefinition> OnDemand { get; init; } = [];
}

/// <summary>A stream of events: its fields by position, and which of them are the event's id and time.</summary>
public sealed record StreamDefinition(string Name, int Version, string EventId, string EventTime, ImmutableArray<FieldDefinition> Fields);

public sealed record FieldDefinition(string Name, FieldType Type);

/// <summary>Something that has features: a customer, a card. An empty key means one entity for the whole stream.</summary>
public sealed record EntityDefinition(string Name, ImmutableArray<string> Key)
{
    /// <summary>
    /// How far behind an entity's newest event live reads may ask, and events may come, and the answer still be exact: events are kept so much longer than the farthest window reaches. Null:
    /// <see cref="Catalog.RetentionSlack"/>.
    /// </summary>
    public Duration? History { get; init; }
}

/// <summary>Features of one entity type over one stream. <paramref name="Where"/> filters the events of all of them.</summary>
public sealed record FeatureViewDefinition(
    string Name, int Version, string Entity, string Stream, string? Where, ImmutableArray<FeatureDefinition> Features)
{
    /// <summary>An event that comes when stream time is further ahead of it than this changes no value of the view. Null: as long as a value could show it.</summary>
    public Duration? AllowedLateness { get; init; }

    /// <summary>How old the entity's newest event of the stream may be, at the instant asked for, before the view's features have no value any more. Null: as old as it likes.</summary>
    public Duration? Ttl { get; init; }
}

/// <summary>
/// One feature: an aggregate over a window, read <paramref name="Delay"/> before the instant asked for.
/// <paramref name="Where"/> filters further; <paramref name="Default"/> replaces null.
/// </summary>
public sealed record FeatureDefinition(string Name, string Aggregate, WindowDefinition Window, Duration Delay, string? Where, Value Default)
{
    /// <summary>A field of the stream: the feature is then a map from each of its values to the aggregate over the events that have it. Null: one value.</summary>
    public string? By { get; init; }

    /// <summary>Null: <see cref="Catalog.AccuracyDefault"/>.</summary>
    public AccuracyDefinition? Accuracy { get; init; }
}

/// <summary>
/// A value that is computed when it is asked for: <paramref name="Expression"/> over <c>request.field</c> and <c>view.feature</c>. Nothing of it is kept, so
/// it is the same in serving and in training.
/// </summary>
public sealed record OnDemandDefinition(string Name, FieldType Type, string Expression)
{
    /// <summary>Fields of the request whose type is not double.</summary>
    public ImmutableArray<FieldDefinition> Request { get; init; } = [];
}

/// <summary>What one model reads: references "view:feature", "view:*", "view@2:feature" or the name of an on-demand feature, in order.</summary>
public sealed record FeatureServiceDefinition(string Name, int Version, ImmutableArray<string> Features);

/// <summary>
/// What is wrong with a definition. <paramref name="Path"/> names the place as a reader of the files finds it:
/// <c>feature_views[0].features[2].window</c>.
/// </summary>
public sealed record DefinitionProblem(string Path, string Message, string Suggestion);
