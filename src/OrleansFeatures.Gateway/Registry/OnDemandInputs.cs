using System.Collections.Immutable;
using System.Globalization;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Expressions;

namespace OrleansFeatures.Gateway.Registry;

/// <summary>What on-demand features compute with in the end: their references with view versions written out, and the fields of the request with their types.</summary>
internal static class OnDemandInputs
{
    private const string RequestPrefix = "request.";

    /// <summary>"view@version.feature", sorted, each once. A name that names nothing is left out: the catalog has refused it.</summary>
    public static ImmutableArray<string> Of(OnDemandDefinition onDemand, DefinitionSet definitions) =>
        [.. ExpressionNames.DottedIn(onDemand.Expression).Select(name => Resolve(name, definitions)).OfType<string>().Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];

    /// <summary>The fields of the request, by name.</summary>
    public static ImmutableArray<FieldDefinition> RequestOf(OnDemandDefinition onDemand) =>
    [
        .. ExpressionNames.DottedIn(onDemand.Expression)
            .Where(name => name.StartsWith(RequestPrefix, StringComparison.Ordinal))
            .Select(name => name[RequestPrefix.Length..])
            .Order(StringComparer.Ordinal)
            .Select(name => onDemand.Request.FirstOrDefault(field => field.Name == name) ?? new FieldDefinition(name, FieldType.Double)),
    ];

    private static string? Resolve(string name, DefinitionSet definitions)
    {
        string[] parts = name.Split('.');
        return Versioned(parts[0], definitions) is { } view && view.Features.Any(feature => feature.Name == parts[1]) ? $"{view.Name}@{view.Version}.{parts[1]}" : null;
    }

    /// <summary>"view@2" is that version, "view" the newest.</summary>
    public static FeatureViewDefinition? Versioned(string reference, DefinitionSet definitions)
    {
        string[] view = reference.Split('@');
        var versions = definitions.FeatureViews.Where(candidate => candidate.Name == view[0]);
        return view.Length > 1
            ? versions.FirstOrDefault(candidate => candidate.Version.ToString(CultureInfo.InvariantCulture) == view[1])
            : versions.MaxBy(candidate => candidate.Version);
    }
}
