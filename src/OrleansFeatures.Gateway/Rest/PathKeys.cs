using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using OrleansFeatures.V1;
using Selection = OrleansFeatures.Domain.Definitions.Selection;

namespace OrleansFeatures.Gateway.Rest;

/// <summary>An entity's key in a path: <c>/features/v1/customer/596</c>, and <c>/features/v1/pair/ada,1</c> where the key has several fields. An entity without a key is named alone.</summary>
internal static class PathKeys
{
    /// <param name="context">The request; its route has a value <c>key</c> unless the entity has no key.</param>
    /// <param name="selection">What the entity is read for.</param>
    /// <param name="behind">Segments of the path behind the key.</param>
    /// <exception cref="RequestRefusedException">The key has other fields than the entity.</exception>
    public static IEnumerable<KeyColumn> Of(HttpContext context, Selection selection, int behind)
    {
        string? key = KeyOf(context, behind);
        string[] parts = key is null ? [] : selection.KeyFields.Length == 1 ? [key] : key.Split(',');
        if (parts.Length != selection.KeyFields.Length)
        {
            string fix = selection.KeyFields.IsEmpty ? "this entity has no key: leave it out of the path" : $"give {string.Join(",", selection.KeyFields.Select(field => field.Name))}, separated by commas";
            throw Refuse.Argument("key", $"'{Uri.UnescapeDataString(key ?? "")}' has {parts.Length} parts", fix);
        }

        return selection.KeyFields.Select((field, index) => new KeyColumn { Field = field.Name, Strings = { Uri.UnescapeDataString(parts[index]) } });
    }

    /// <summary>
    /// The segment as it was sent. The server has decoded the route value, all but "%2F", so that nobody can tell a slash in a key from those
    /// three characters, nor a comma in a key from one between two.
    /// </summary>
    private static string? KeyOf(HttpContext context, int behind)
    {
        if (context.GetRouteValue("key") is null)
        {
            return null;
        }

        string target = context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        int query = target.IndexOf('?', StringComparison.Ordinal);
        string[] segments = (query < 0 ? target : target[..query]).TrimEnd('/').Split('/');
        return segments[^(1 + behind)];
    }
}
