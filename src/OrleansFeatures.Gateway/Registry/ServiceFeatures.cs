using System.Collections.Immutable;
using System.Globalization;
using OrleansFeatures.Domain.Definitions;

namespace OrleansFeatures.Gateway.Registry;

/// <summary>What a feature service reads in the end: its references with view versions and stars written out.</summary>
internal static class ServiceFeatures
{
    /// <summary>"view@version:feature" in the order of the answer, each once. A reference that names nothing is left out: the catalog has refused it.</summary>
    public static ImmutableArray<string> Of(FeatureServiceDefinition service, DefinitionSet definitions) =>
        [.. service.Features.SelectMany(reference => Expand(reference, definitions)).Distinct(StringComparer.Ordinal)];

    private static IEnumerable<string> Expand(string reference, DefinitionSet definitions)
    {
        int colon = reference.IndexOf(':', StringComparison.Ordinal);
        string[] view = reference[..Math.Max(0, colon)].Split('@');
        string feature = reference[(colon + 1)..];
        var versions = definitions.FeatureViews.Where(candidate => candidate.Name == view[0]);
        FeatureViewDefinition? meant = view.Length > 1
            ? versions.FirstOrDefault(candidate => candidate.Version.ToString(CultureInfo.InvariantCulture) == view[1])
            : versions.MaxBy(candidate => candidate.Version);
        return meant is null ? [] : meant.Features
            .Where(candidate => feature == "*" || candidate.Name == feature)
            .Select(candidate => $"{meant.Name}@{meant.Version}:{candidate.Name}");
    }
}
