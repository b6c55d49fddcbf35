using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using OrleansFeatures.Domain.Definitions;

namespace OrleansFeatures.Gateway.Registry;

/// <summary>
/// What a selection means, as one short text: it changes when the definition of one of its features, of their views, streams or entity types does, or their order in the answer. Definitions of others do not matter to it.
/// </summary>
public static class SelectionHash
{
    private static readonly ConditionalWeakTable<Selection, string> Known = [];

    /// <summary>SHA-256 in lower-case hex; worked out once for each selection. <paramref name="catalog"/> is the one that the selection is of.</summary>
    public static string Of(Selection selection, Catalog catalog) =>
        Known.TryGetValue(selection, out string? known) ? known : Known.GetValue(selection, selection => Compute(selection, catalog.Definitions));

    private static string Compute(Selection selection, DefinitionSet definitions)
    {
        var text = new StringBuilder();
        foreach (FeaturePlan feature in selection.Features)
        {
            FeatureViewDefinition view = definitions.FeatureViews.First(view => view.Name == feature.View && view.Version == feature.ViewVersion);
            text.Append(feature.Reference).Append('\n').Append(DefinitionText.Of(view with { Features = [.. view.Features.Where(candidate => candidate.Name == feature.Name)] }));
        }

        foreach (EntityDefinition entity in definitions.Entities.Where(entity => selection.Entities.Any(read => read.Entity.Name == entity.Name)).OrderBy(entity => entity.Name, StringComparer.Ordinal))
        {
            text.Append(DefinitionText.Of(entity));
        }

        HashSet<string> streams = [.. selection.Entities.SelectMany(read => read.Plan.Timelines.Select(timeline => read.Entity.Timelines[timeline].Stream.Name))];
        foreach (StreamDefinition stream in definitions.Streams.Where(stream => streams.Contains(stream.Name)).OrderBy(stream => stream.Name, StringComparer.Ordinal).ThenBy(stream => stream.Version))
        {
            text.Append(DefinitionText.Of(stream));
        }

        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
    }
}
