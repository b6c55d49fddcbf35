using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using OrleansFeatures.Domain.Definitions;

namespace OrleansFeatures.Gateway.Registry;

/// <summary>
/// What a selection means, as one short text: it changes with the definition of anything that its values depend on (<see cref="FeatureLine"/>), with an on-demand feature's expression, and with the order of the answer.
/// Definitions of others do not matter to it.
/// </summary>
public static class SelectionHash
{
    private static readonly ConditionalWeakTable<Selection, string> Known = [];

    /// <summary>SHA-256 in lower-case hex; worked out once for each selection. <paramref name="catalog"/> is the one that the selection is of.</summary>
    public static string Of(Selection selection, Catalog catalog) =>
        Known.TryGetValue(selection, out string? known) ? known : Known.GetValue(selection, selection => Compute(selection, catalog.Definitions));

    private static string Compute(Selection selection, DefinitionSet definitions)
    {
        IEnumerable<string> parts =
        [
            .. selection.Columns.Select(column => column.Name),
            .. selection.Features.Select(feature => FeatureLine.Hash(definitions, feature)),
            .. selection.OnDemand.Select(read => DefinitionText.Of(definitions.OnDemand.First(onDemand => onDemand.Name == read.Plan.Name))),
        ];
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', parts))));
    }
}
