using System.Collections.Concurrent;
using System.Collections.Immutable;

namespace OrleansFeatures.Domain.Definitions;

/// <summary>
/// A definition set, resolved and checked: what the store runs on. Immutable, and safe to read from any thread; a change of definitions
/// is a new catalog.
/// </summary>
public sealed class Catalog
{
    /// <summary>
    /// Events stay this long beyond the farthest look-back of any feature, so that a read as of up to a day ago, and a late event of up to a
    /// day, are exact.
    /// </summary>
    public static readonly Duration RetentionSlack = Duration.Days(1);

    /// <summary>What a feature promises that does not say: the last hour exact as long as memory allows, then steps of a minute.</summary>
    public static readonly AccuracyDefinition AccuracyDefault = new(new Duration(3_600_000_000), new Duration(60_000_000));

    public static readonly Catalog Empty = new(DefinitionSet.Empty, [], [], new FeatureReferences([], []), []);

    private readonly ImmutableDictionary<string, StreamPlan> _streams;
    private readonly ImmutableDictionary<uint, StreamPlan> _streamsById;
    private readonly ImmutableDictionary<string, EntityPlan> _entities;
    private readonly ImmutableDictionary<uint, EntityPlan> _entitiesById;
    private readonly ImmutableDictionary<string, Selection> _services;
    private readonly FeatureReferences _references;
    private readonly ConcurrentDictionary<string, Selection> _entitySelections = new();

    internal Catalog(
        DefinitionSet definitions, ImmutableArray<StreamPlan> streams, ImmutableArray<EntityPlan> entities, FeatureReferences references, ImmutableArray<Selection> services)
    {
        _references = references;
        Definitions = definitions;
        Streams = streams;
        Entities = entities;
        _streams = streams.ToImmutableDictionary(stream => stream.Name);
        _streamsById = streams.ToImmutableDictionary(stream => stream.Id);
        _entities = entities.ToImmutableDictionary(entity => entity.Name);
        _entitiesById = entities.ToImmutableDictionary(entity => entity.Id);
        _services = ByReference(services);
    }

    public DefinitionSet Definitions { get; }

    public ImmutableArray<StreamPlan> Streams { get; }

    public ImmutableArray<EntityPlan> Entities { get; }

    public IEnumerable<string> ServiceNames => _services.Keys.Where(name => !name.Contains('@', StringComparison.Ordinal)).Order(StringComparer.Ordinal);

    public OnDemandPlan? OnDemand(string name) => _references.OnDemand(name);

    /// <summary>Everything that a list may name: "view:feature", and on-demand features by their names.</summary>
    public IEnumerable<string> FeatureNames => _references.Names;

    /// <summary>Resolves names, types, windows and filters. Null with at least one problem when anything is wrong; every problem found is reported.</summary>
    public static Catalog? Compile(DefinitionSet definitions, out ImmutableArray<DefinitionProblem> problems) =>
        new CatalogCompiler(definitions).Compile(out problems);

    public StreamPlan? Stream(string name) => _streams.GetValueOrDefault(name);

    public StreamPlan? Stream(uint id) => _streamsById.GetValueOrDefault(id);

    public EntityPlan? Entity(string name) => _entities.GetValueOrDefault(name);

    public EntityPlan? Entity(uint id) => _entitiesById.GetValueOrDefault(id);

    /// <summary>The feature service "name" (newest version) or "name@version".</summary>
    public Selection? Service(string reference) => _services.GetValueOrDefault(reference);

    /// <summary>Every feature of an entity type. On-demand features are of no entity type, and not among them.</summary>
    public Selection? AllOf(string entity) =>
        Entity(entity) is { } plan
            ? _entitySelections.GetOrAdd(entity, name => new Selection(name, [.. plan.Features.Select(feature => new SelectedFeature(plan, feature))]))
            : null;

    /// <summary>An explicit list of references; on failure names the first that is unknown. Costs a compilation: keep the result.</summary>
    public Selection? Select(IReadOnlyList<string> references, out string unknown) =>
        _references.Resolve("explicit list", references, out unknown, out _);

    private static ImmutableDictionary<string, Selection> ByReference(ImmutableArray<Selection> services)
    {
        var byReference = ImmutableDictionary.CreateBuilder<string, Selection>();
        foreach (Selection service in services)
        {
            byReference[service.Name] = service;
            string name = service.Name[..service.Name.IndexOf('@', StringComparison.Ordinal)];
            if (!byReference.TryGetValue(name, out Selection? newest) || VersionOf(service) > VersionOf(newest))
            {
                byReference[name] = service;
            }
        }

        return byReference.ToImmutable();
    }

    private static int VersionOf(Selection service) =>
        int.Parse(service.Name.AsSpan(service.Name.IndexOf('@', StringComparison.Ordinal) + 1), System.Globalization.CultureInfo.InvariantCulture);
}
