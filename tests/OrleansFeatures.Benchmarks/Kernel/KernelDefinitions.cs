using System.Collections.Immutable;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Benchmarks.Kernel;

/// <summary>The definitions that the kernel runs.</summary>
internal static class KernelDefinitions
{
    public const string Entity = "card";
    public const string Stream = "payments";

    /// <summary>The windows that are read, narrowest first.</summary>
    public static readonly ImmutableArray<Duration> Windows = [new(60_000_000), new(3_600_000_000), Duration.Days(1)];

    /// <summary>The aggregates that are read in each window.</summary>
    public static readonly ImmutableArray<string> Aggregates = ["count", "sum(amount)", "mean(amount)", "min(amount)", "max(amount)"];

    /// <summary>Three windows of five aggregates each, window after window.</summary>
    /// <param name="history">What is kept beyond the widest window.</param>
    public static Catalog ThreeByFive(Duration? history = null) =>
        Of(history, [.. Windows.SelectMany(window => Aggregates.Select(aggregate => (aggregate, (WindowDefinition)window)))]);

    /// <summary>One view with these features over the stream of payments.</summary>
    public static Catalog Of(params ImmutableArray<(string Aggregate, WindowDefinition Window)> features) => Of(null, features);

    private static Catalog Of(Duration? history, ImmutableArray<(string Aggregate, WindowDefinition Window)> features)
    {
        var stream = new StreamDefinition(Stream, 1, "event_id", "event_time",
        [
            new("event_id", FieldType.Int64), new("event_time", FieldType.Timestamp), new("card_id", FieldType.Int64), new("amount", FieldType.Double),
            new("shop", FieldType.String), new("approved", FieldType.Bool),
        ]);
        var view = new FeatureViewDefinition("spend", 1, Entity, Stream, null,
            [.. features.Select((feature, index) => new FeatureDefinition($"f{index}", feature.Aggregate, feature.Window, default, null, Value.Null))]);
        return Compiled(new DefinitionSet([stream], [new EntityDefinition(Entity, ["card_id"]) { History = history }], [view], []));
    }

    public static Catalog Compiled(DefinitionSet definitions) =>
        Catalog.Compile(definitions, out var problems) ?? throw new InvalidOperationException(string.Join("; ", problems));
}
