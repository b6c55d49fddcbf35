using System.Text.Json;
using Feast.Serving;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OrleansFeatures.Gateway.Ingest;
using OrleansFeatures.Gateway.Rest;

namespace OrleansFeatures.Gateway.Feast;

/// <summary>The paths of Feast's Python feature server, for whoever is pointed at them (docs/feast.md). Bodies are JSON whatever content type they claim: Feast's own examples send none.</summary>
public sealed class FeastEndpoints(OnlineFeatures features, FramePush pushes, ServerLife life, ILogger<FeastEndpoints> logger)
{
    private const string MediaType = "application/json";

    public static void Map(IEndpointRouteBuilder endpoints)
    {
        var feast = ActivatorUtilities.CreateInstance<FeastEndpoints>(endpoints.ServiceProvider);
        endpoints.MapPost("/get-online-features", feast.Guarded(feast.GetOnlineFeaturesAsync));
        endpoints.MapPost("/push", feast.Guarded(feast.PushAsync));
        endpoints.MapPost("/write-to-online-store", feast.Guarded(RefuseWriteAsync));
        endpoints.MapGet("/health", feast.HealthAsync);
    }

    private async Task GetOnlineFeaturesAsync(HttpContext context)
    {
        JsonElement body = await RequestBody.ReadObjectAsync(context).ConfigureAwait(false);
        GetOnlineFeaturesResponse response = await features.AnswerAsync(FeastJson.ReadRequest(body), context.RequestAborted).ConfigureAwait(false);
        await JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, MediaType, writer => FeastJson.Write(writer, response)).ConfigureAwait(false);
    }

    /// <summary>Feast answers with an empty body; ours says what became of the rows, which its clients do not read.</summary>
    private async Task PushAsync(HttpContext context)
    {
        JsonElement body = await RequestBody.ReadObjectAsync(context).ConfigureAwait(false);
        string to = FeastJson.TextOf(body, "to");
        PushOutcome outcome = await pushes.PushAsync(
            FeastJson.TextOf(body, FeastErrors.PushSourceField), to.Length == 0 ? "online" : to, FeastJson.ReadFrame(body), context.RequestAborted).ConfigureAwait(false);
        await JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, MediaType, writer =>
        {
            writer.WriteStartObject();
            writer.WriteNumber("accepted", outcome.Accepted);
            writer.WriteNumber("duplicates", outcome.Duplicates);
            writer.WriteNumber("late", outcome.Late);
            writer.WriteEndObject();
        }).ConfigureAwait(false);
    }

    private static async Task RefuseWriteAsync(HttpContext context)
    {
        await RequestBody.ReadAsync(context).ConfigureAwait(false);
        throw FeatureServer.NoWriting();
    }

    private Task HealthAsync(HttpContext context)
    {
        context.Response.StatusCode = life.NotReadyBecause is null ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        return Task.CompletedTask;
    }

    private RequestDelegate Guarded(RequestDelegate endpoint) => async context =>
    {
        try
        {
            await endpoint(context).ConfigureAwait(false);
        }
        catch (Exception exception) when (!context.Response.HasStarted && !context.RequestAborted.IsCancellationRequested)
        {
            // The top of a request: nothing above could do better than tell the client.
            Failure failure = Failures.Of(exception);
            if (failure.IsOurs)
            {
                LogMessages.CallFailed(logger, context.Request.Path, exception);
            }

            await FeastErrors.WriteAsync(context, failure).ConfigureAwait(false);
        }
    };
}
