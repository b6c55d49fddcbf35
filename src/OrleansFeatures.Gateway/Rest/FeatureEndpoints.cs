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
    /// <summary><c>GET /features/v1/customer/596?as_of=2018-04-01T00:00:31Z</c>, and <c>known_at</c>: every feature of one entity. Fields of a composite key are separated by commas; an entity without a key is read by its name alone.</summary>
    public async Task GetEntityAsync(HttpContext context)
    {
        string entity = (string)context.GetRouteValue("entity")!;
        Catalog definitions = reads.Host.Catalog;
        Selection Resolve(Catalog catalog)
        {
            // The last one asked is the one that the answer is of: the definitions may change before it, and after it.
            definitions = catalog;
            return catalog.AllOf(entity) ?? throw Refuse.Unknown("entity", $"there is no entity '{entity}'", NameSuggestion.DidYouMean(entity, catalog.Entities.Select(known => known.Name)));
        }

        var request = new GetFeaturesRequest();
        request.Keys.AddRange(PathKeys.Of(context, Resolve(definitions), behind: 0));
        if (context.Request.Query["as_of"] is [{ Length: > 0 } asOf, ..])
        {
            FeatureRequests.AddAsOf(request, asOf, "as_of");
        }

        if (context.Request.Query["known_at"] is [{ Length: > 0 } knownAt, ..])
        {
            FeatureRequests.AddKnownAt(request, knownAt, "known_at");
        }

        MediaTypes.Choose(context.Request, MediaTypes.Json);
        FeatureRead read = await reads.GetAsync(Resolve, request, context.RequestAborted).ConfigureAwait(false);
        if (!EntityTags.IsKnown(context, read, request, definitions, reads.Host))
        {
            await JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, MediaTypes.Json, writer => new FeatureJson(read, request, reads.Host).WriteRow(writer, 0)).ConfigureAwait(false);
        }
    }

    /// <summary><c>POST /features/v1/fraud:get</c> with <c>{"entities": [{"customer_id": 596, "terminal_id": 3156}], "as_of": "stream"}</c>.</summary>
    public async Task GetServiceAsync(HttpContext context)
    {
        var what = new FeatureSelection { FeatureService = (string)context.GetRouteValue("service")! };
        await AnswerAsync(context, what, await RequestBody.ReadObjectAsync(context).ConfigureAwait(false)).ConfigureAwait(false);
    }

    /// <summary><c>POST /features/v1:get</c>: the same, where the body names what to read.</summary>
    public async Task GetListAsync(HttpContext context)
    {
        JsonElement body = await RequestBody.ReadObjectAsync(context).ConfigureAwait(false);
        await AnswerAsync(context, FeatureRequests.SelectionOf(body), body, "service", "features").ConfigureAwait(false);
    }

    private async Task AnswerAsync(HttpContext context, FeatureSelection what, JsonElement body, params string[] readAlready)
    {
        string form = MediaTypes.Choose(context.Request, MediaTypes.Json, MediaTypes.Lines);
        GetFeaturesRequest request = FeatureRequests.Read(body, reads.Resolve(reads.Host.Catalog, what), readAlready);
        request.What = what;
        if (request.Compact && form == MediaTypes.Lines)
        {
            throw Refuse.Argument("compact", $"an answer in {MediaTypes.Lines} is not compact", $"leave it out, or accept {MediaTypes.Json}");
        }

        FeatureRead read = await reads.GetAsync(request, DateTime.MaxValue, context.RequestAborted).ConfigureAwait(false);
        var json = new FeatureJson(read, request, reads.Host);
        await (form == MediaTypes.Lines ? JsonAnswer.WriteLinesAsync(context, read.Rows, json.WriteRow)
            : JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, MediaTypes.Json, request.Compact ? json.WriteCompact : json.Write)).ConfigureAwait(false);
    }
}
