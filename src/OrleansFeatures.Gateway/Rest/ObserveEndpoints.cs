using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Gateway.Serve;
using OrleansFeatures.V1;
using Selection = OrleansFeatures.Domain.Definitions.Selection;

namespace OrleansFeatures.Gateway.Rest;

/// <summary>One event in and the vector after it out, over REST.</summary>
internal sealed class ObserveEndpoints(FeatureReads reads, Observation observation)
{
    private static readonly string[] ResultNames = ["ACCEPTED", "DUPLICATE", "LATE", "QUARANTINED"];

    /// <summary><c>POST /features/v1/fraud:observe</c> with <c>{"event": {"tx_id": 1, …}}</c>; <c>POST /features/v1:observe</c> names what to read as <c>:get</c> does. 200 also where the event was refused.</summary>
    public async Task PostAsync(HttpContext context)
    {
        MediaTypes.Choose(context.Request, MediaTypes.Json);
        JsonElement body = await RequestBody.ReadObjectAsync(context).ConfigureAwait(false);
        FeatureSelection what = context.GetRouteValue("service") is string service ? new FeatureSelection { FeatureService = service } : FeatureRequests.SelectionOf(body);
        Catalog catalog = reads.Host.Catalog;
        Selection selection = reads.Resolve(catalog, what);
        ObserveAndGetRequest request = ObserveRequests.Read(body, what, selection, catalog);
        ObserveAndGetResponse response = await observation.ObserveAsync(request, context.RequestAborted).ConfigureAwait(false);
        await JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, MediaTypes.Json, writer => Write(writer, response)).ConfigureAwait(false);
    }

    private static void Write(Utf8JsonWriter writer, ObserveAndGetResponse response)
    {
        writer.WriteStartObject();
        writer.WriteString("result", ResultNames[(int)response.Result]);
        if (response.Refusal is { } refusal)
        {
            writer.WriteStartObject("refusal");
            writer.WriteString("field", refusal.Field);
            writer.WriteString("reason", refusal.Reason);
            writer.WriteString("fix", refusal.Fix);
            writer.WriteEndObject();
        }

        WireJson.WriteToken(writer, response.Token);
        if (response.Features is { } features)
        {
            WireJson.WriteRow(writer, features);
        }

        writer.WriteEndObject();
    }
}
