using System.Collections.Immutable;
using OrleansFeatures.Domain.Definitions;

namespace OrleansFeatures.Gateway.Registry;

/// <summary>What a feature service reads in the end: its references with view versions and stars written out.</summary>
internal static class ServiceFeatures
{
    /// <summary>
    /// "view@version:feature", or an on-demand feature's name, in the order of the answer, each once. A reference that names nothing is left out: the catalog has refused it.
    /// </summary>
    public static ImmutableArray<string> Of(FeatureServiceDefinition service, DefinitionSet definitions) =>
        [.. service.Features.SelectMany(reference => Expand(reference, definitions)).Distinct(StringComparer.Ordinal)];

    /// <summary>What every request for such features must bring: key fields, and fields of the request as "request.amount".</summary>
    public static ImmutableArray<string> NeedsOf(ImmutableArray<string> features, DefinitionSet definitions)
    {
        OnDemandDefinition[] onDemand = [.. definitions.OnDemand.Where(known => features.Contains(known.Name))];
        IEnumerable<string> views = features.Where(feature => feature.Contains(':', StringComparison.Ordinal)).Select(feature => feature[..feature.IndexOf(':', StringComparison.Ordinal)])
            .Concat(onDemand.SelectMany(one => OnDemandInputs.Of(one, definitions)).Select(input => input[..input.IndexOf('.', StringComparison.Ordinal)]));
        IEnumerable<string> keys = views.Distinct(StringComparer.Ordinal)
            .Select(view => OnDemandInputs.Versioned(view, definitions)!.Entity)
            .SelectMany(entity => definitions.Entities.First(known => known.Name == entity).Key);
        return [.. keys.Concat(onDemand.SelectMany(one => OnDemandInputs.RequestOf(one)).Select(field => $"request.{field.Name}")).Distinct(StringComparer.Ordinal)];
    }

    private static IEnumerable<string> Expand(string reference, DefinitionSet definitions)
    {
        int colon = reference.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0)
        {
            return definitions.OnDemand.Where(onDemand => onDemand.Name == reference).Select(onDemand => onDemand.Name);
        }

        string feature = reference[(colon + 1)..];
        return OnDemandInputs.Versioned(reference[..colon], definitions) is not { } meant ? [] : meant.Features
            .Where(candidate => feature == "*" || candidate.Name == feature)
            .Select(candidate => $"{meant.Name}@{meant.Version}:{candidate.Name}");
    }
}
