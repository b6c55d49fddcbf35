using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Gateway.Serve;
using OrleansFeatures.V1;
using Selection = OrleansFeatures.Domain.Definitions.Selection;

namespace OrleansFeatures.Gateway.Rest;

/// <summary>Features over REST.</summary>
internal sealed class FeatureEndpoints(FeatureReads reads)
{
    private const string MediaType = "application/json";

    /// <summary><c>GET /features/v1/customer/596?as_of=2018-04-01T00:00:31Z</c>, and <c>known_at</c>: every feature of one entity. Fields of a composite key are separated by commas; an entity without a key is read by its name alone.</summary>
    public async Task GetEntityAsync(HttpContext context)
    {
        string entity = (string)context.GetRouteValue("entity")!;
        Selection Resolve(Catalog catalog) => catalog.AllOf(entity)
            ?? throw Refuse.Unknown("entity", $"there is no entity '{entity}'", NameSuggestion.DidYouMean(entity, catalog.Entities.Select(known => known.Name)));
        var request = new GetFeaturesRequest();
        request.Keys.AddRange(PathKeys.Of(context, Resolve(reads.Host.Catalog), behind: 0));
        if (context.Request.Query["as_of"] is [{ Length: > 0 } asOf, ..])
        {
            FeatureRequests.AddAsOf(request, asOf, "as_of");
        }

        if (context.Request.Query["known_at"] is [{ Length: > 0 } knownAt, ..])
        {
            FeatureRequests.AddKnownAt(request, knownAt, "known_at");
        }

        FeatureRead read = await reads.GetAsync(Resolve, request, context.RequestAborted).ConfigureAwait(false);
        await JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, MediaType, writer => new FeatureJson(read, request, reads.Host).WriteRow(writer, 0)).ConfigureAwait(false);
    }

    /// <summary><c>POST /features/v1/fraud:get</c> with <c>{"entities": [{"customer_id": 596, "terminal_id": 3156}], "as_of": "stream"}</c>.</summary>
    public async Task GetServiceAsync(HttpContext context)
    {
        string service = (string)context.GetRouteValue("service")!;
        JsonElement body = await RequestBody.ReadObjectAsync(context).ConfigureAwait(false);
        GetFeaturesRequest request = FeatureRequests.Read(body, Selections.Service(reads.Host.Catalog, service));
        FeatureRead read = await reads.GetAsync(catalog => Selections.Service(catalog, service), request, context.RequestAborted).ConfigureAwait(false);
        await JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, MediaType, writer => new FeatureJson(read, request, reads.Host).Write(writer)).ConfigureAwait(false);
    }
}
