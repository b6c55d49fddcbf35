using System.Collections.Immutable;
using OrleansFeatures.Domain.Definitions;

namespace OrleansFeatures.Gateway.Registry;

/// <summary>
/// A set of definition files, read: what they say, and what is wrong with them. Without errors there is a catalog, ready to run on.
/// </summary>
/// <param name="Sources">The files, in the order of their names.</param>
/// <param name="Definitions">What the files say together; empty where the files could not be read.</param>
/// <param name="Catalog">Null if there is any error.</param>
/// <param name="Errors">Ordered by file and line; at most <see cref="Limits.DefinitionErrorsMax"/>.</param>
public sealed record DefinitionReading(
    ImmutableArray<DefinitionSource> Sources, DefinitionSet Definitions, Catalog? Catalog, ImmutableArray<SourceError> Errors)
{
    public bool IsValid => Catalog is not null;
}
