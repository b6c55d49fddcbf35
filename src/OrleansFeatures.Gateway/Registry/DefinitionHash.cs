using System.Security.Cryptography;
using System.Text;
using OrleansFeatures.Domain.Definitions;

namespace OrleansFeatures.Gateway.Registry;

/// <summary>
/// What a set of definitions means, as one short text: equal for files that differ only in comments, formatting, file names or the order
/// of their items, and different whenever a plan between the two would show a change.
/// </summary>
public static class DefinitionHash
{
    /// <summary>SHA-256 in lower-case hex. The order of a stream's fields and of a service's features counts; no other order does.</summary>
    public static string Of(DefinitionSet definitions)
    {
        var text = new StringBuilder();
        foreach (StreamDefinition stream in definitions.Streams.OrderBy(stream => stream.Name, StringComparer.Ordinal).ThenBy(stream => stream.Version))
        {
            text.Append("stream\n").Append(DefinitionText.Of(stream));
        }

        foreach (EntityDefinition entity in definitions.Entities.OrderBy(entity => entity.Name, StringComparer.Ordinal))
        {
            text.Append("entity\n").Append(DefinitionText.Of(entity));
        }

        foreach (FeatureViewDefinition view in definitions.FeatureViews.OrderBy(view => view.Name, StringComparer.Ordinal).ThenBy(view => view.Version))
        {
            FeatureViewDefinition sorted = view with { Features = [.. view.Features.OrderBy(feature => feature.Name, StringComparer.Ordinal)] };
            text.Append("feature_view\n").Append(DefinitionText.Of(sorted));
        }

        foreach (OnDemandDefinition onDemand in definitions.OnDemand.OrderBy(onDemand => onDemand.Name, StringComparer.Ordinal))
        {
            text.Append("on_demand\n").Append(DefinitionText.Of(onDemand)).AppendJoin('\n', OnDemandInputs.Of(onDemand, definitions)).Append('\n');
        }

        foreach (FeatureServiceDefinition service in definitions.FeatureServices.OrderBy(service => service.Name, StringComparer.Ordinal).ThenBy(service => service.Version))
        {
            FeatureServiceDefinition resolved = service with { Features = ServiceFeatures.Of(service, definitions) };
            text.Append("feature_service\n").Append(DefinitionText.Of(resolved));
        }

        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
    }
}
