using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Gateway.Serve;
using OrleansFeatures.V1;
using Selection = OrleansFeatures.Domain.Definitions.Selection;

namespace OrleansFeatures.Gateway.Rest;

/// <summary>Explanations over REST.</summary>
internal sealed class ExplainEndpoints(FeatureReads reads, Explanations explanations)
{
    /// <summary><c>GET /features/v1/customer/596/explain?feature=customer_spend:avg_amount_7d&amp;as_of=2018-04-01T00:00:31Z</c>, and <c>known_at</c> and <c>events</c>.</summary>
    public async Task GetAsync(HttpContext context)
    {
        MediaTypes.Choose(context.Request, MediaTypes.Json);
        string entity = (string)context.GetRouteValue("entity")!;
        Selection selection = reads.Host.Catalog.AllOf(entity)
            ?? throw Refuse.Unknown("entity", $"there is no entity '{entity}'", NameSuggestion.DidYouMean(entity, reads.Host.Catalog.Entities.Select(known => known.Name)));
        var request = new ExplainRequest { Feature = context.Request.Query["feature"].ToString(), EventsMax = EventsOf(context.Request.Query["events"]) };
        request.Keys.AddRange(PathKeys.Of(context, selection, behind: 1));
        AddTimes(request, context.Request.Query);
        ExplainResponse explained = await explanations.ExplainAsync(request, context.RequestAborted).ConfigureAwait(false);
        await JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, MediaTypes.Json, writer => ExplainJson.Write(writer, explained)).ConfigureAwait(false);
    }

    /// <summary><c>POST /features/v1:explain</c> with <c>{"feature": "amount_ratio", "entities": [{"customer_id": 596}], "context": {"amount": 12.5}}</c>: also what one path cannot name.</summary>
    public async Task PostAsync(HttpContext context)
    {
        MediaTypes.Choose(context.Request, MediaTypes.Json);
        JsonElement body = await RequestBody.ReadObjectAsync(context).ConfigureAwait(false);
        string feature = body.TryGetProperty("feature", out JsonElement name) ? FeatureRequests.TextOf(name, "feature") : throw Refuse.Argument("feature", "it is missing", "name one feature, as view:feature");
        Selection selection = reads.Resolve(reads.Host.Catalog, new FeatureSelection { Features = new FeatureList { Names = { feature } } });
        GetFeaturesRequest question = FeatureRequests.Read(body, selection, "feature", "events");
        var request = new ExplainRequest { Feature = feature, EventsMax = body.TryGetProperty("events", out JsonElement events) ? EventsOf(FeatureRequests.TextOf(events, "events")) : 0 };
        request.Keys.AddRange(question.Keys);
        request.Context.AddRange(question.Context);
        Take(question, request);
        ExplainResponse explained = await explanations.ExplainAsync(request, context.RequestAborted).ConfigureAwait(false);
        await JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, MediaTypes.Json, writer => ExplainJson.Write(writer, explained)).ConfigureAwait(false);
    }

    private static void AddTimes(ExplainRequest request, IQueryCollection query)
    {
        var times = new GetFeaturesRequest();
        if (query["as_of"] is [{ Length: > 0 } asOf, ..])
        {
            FeatureRequests.AddAsOf(times, asOf, "as_of");
        }

        if (query["known_at"] is [{ Length: > 0 } knownAt, ..])
        {
            FeatureRequests.AddKnownAt(times, knownAt, "known_at");
        }

        Take(times, request);
    }

    private static void Take(GetFeaturesRequest times, ExplainRequest request)
    {
        request.AsOfStreamTime = times.AsOfStreamTime;
        if (times.AsOfMicros.Count > 0)
        {
            request.AsOfMicros = times.AsOfMicros[0];
        }

        if (times.KnownAtMicros.Count > 0)
        {
            request.KnownAtMicros = times.KnownAtMicros[0];
        }
    }

    private static uint EventsOf(string? text) => string.IsNullOrEmpty(text)
        ? 0
        : uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out uint events)
            ? events
            : throw Refuse.Argument("events", $"'{text}' is not a number of events", $"send 1 to {Limits.ExplainListMax}, or leave it out for {Limits.ExplainListDefault}");
}
