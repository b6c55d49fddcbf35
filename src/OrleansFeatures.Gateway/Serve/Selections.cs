using System.Collections.Concurrent;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.V1;
using Selection = OrleansFeatures.Domain.Definitions.Selection;

namespace OrleansFeatures.Gateway.Serve;

/// <summary>
/// What a request asks for, resolved: feature services are compiled with the catalog, explicit lists here, once each. A change of definitions
/// begins an empty cache. Any thread.
/// </summary>
public sealed class Selections
{
    private volatile Cache _cache = new(Catalog.Empty);

    /// <exception cref="RequestRefusedException">Nothing is selected, or a name is unknown.</exception>
    public Selection Resolve(Catalog catalog, FeatureSelection? what) => what?.SelectionCase switch
    {
        FeatureSelection.SelectionOneofCase.FeatureService => Service(catalog, what.FeatureService),
        FeatureSelection.SelectionOneofCase.Features => Explicit(catalog, what.Features.Names),
        _ => throw Refuse.Argument("what", "nothing is selected", "name a feature service, or list features as view:feature, view:* or the name of an on-demand feature"),
    };

    public static Selection Service(Catalog catalog, string reference) => catalog.Service(reference)
        ?? throw Refuse.Unknown("what.feature_service", $"there is no feature service '{reference}'", NameSuggestion.DidYouMean(reference, catalog.ServiceNames));

    private Selection Explicit(Catalog catalog, IList<string> names)
    {
        if (names.Count is 0 or > Limits.SelectionNamesMax)
        {
            throw Refuse.Argument("what.features", $"{names.Count} features are listed", $"list 1 to {Limits.SelectionNamesMax}, as view:feature or view:*");
        }

        Cache cache = _cache;
        if (cache.Catalog != catalog || cache.ByNames.Count >= Limits.SelectionsCachedMax)
        {
            _cache = cache = new Cache(catalog);
        }

        // A line break cannot be part of a name that resolves, so the joined text stands for the list.
        string key = string.Join('\n', names);
        return cache.ByNames.TryGetValue(key, out Selection? known) ? known : cache.ByNames.GetOrAdd(key, Compile(catalog, names));
    }

    private static Selection Compile(Catalog catalog, IList<string> names) => catalog.Select([.. names], out string unknown)
        ?? throw Refuse.Unknown("what.features", $"there is no feature '{unknown}'", NameSuggestion.DidYouMean(unknown, catalog.FeatureNames));

    private sealed record Cache(Catalog Catalog)
    {
        public ConcurrentDictionary<string, Selection> ByNames { get; } = new();
    }
}
