using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace OrleansFeatures.Gateway.Rest;

/// <summary>
/// REST for people and scripts: the same questions as over gRPC, answered by the same code, in JSON. Int64 values are JSON numbers, also
/// beyond 2^53, where JavaScript rounds them; NaN and infinity are never written; times are RFC 3339.
/// </summary>
public static class RestEndpoints
{
    /// <summary>Maps every REST path.</summary>
    public static void MapRest(this IEndpointRouteBuilder endpoints)
    {
        IServiceProvider services = endpoints.ServiceProvider;
        var features = ActivatorUtilities.CreateInstance<FeatureEndpoints>(services);
        var explain = ActivatorUtilities.CreateInstance<ExplainEndpoints>(services);
        var document = ActivatorUtilities.CreateInstance<OpenApiEndpoints>(services);
        var observe = ActivatorUtilities.CreateInstance<ObserveEndpoints>(services);
        var events = ActivatorUtilities.CreateInstance<EventEndpoints>(services);
        ServerLife life = services.GetRequiredService<ServerLife>();
        ILogger logger = services.GetRequiredService<ILoggerFactory>().CreateLogger(typeof(RestEndpoints));
        endpoints.MapGet("/features/v1/{entity}", Guarded(features.GetEntityAsync, logger));
        endpoints.MapGet("/features/v1/{entity}/{key}", Guarded(features.GetEntityAsync, logger));
        endpoints.MapGet("/features/v1/{entity}/{key}/explain", Guarded(explain.GetAsync, logger));
        endpoints.MapPost("/features/v1/{service}:get", Guarded(features.GetServiceAsync, logger));
        endpoints.MapPost("/features/v1:explain", Guarded(explain.PostAsync, logger));
        endpoints.MapPost("/features/v1:get", Guarded(features.GetListAsync, logger));
        endpoints.MapPost("/features/v1/{service}:observe", Guarded(observe.PostAsync, logger));
        endpoints.MapPost("/features/v1:observe", Guarded(observe.PostAsync, logger));
        endpoints.MapPost("/events/v1/{stream}", Guarded(events.PostAsync, logger));
        endpoints.MapGet("/openapi", Guarded(document.GetAsync, logger));
        endpoints.MapGet("/openapi/v1.json", Guarded(document.GetAsync, logger));
        endpoints.MapGet("/healthz", context => context.Response.WriteAsync("ok\n"));
        endpoints.MapGet("/readyz", context => ReadinessAsync(context, life));
    }

    private static RequestDelegate Guarded(RequestDelegate endpoint, ILogger logger) => async context =>
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

            await Problems.WriteAsync(context, failure).ConfigureAwait(false);
        }
    };

    private static Task ReadinessAsync(HttpContext context, ServerLife life)
    {
        string? reason = life.NotReadyBecause;
        context.Response.StatusCode = reason is null ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        return context.Response.WriteAsync($"{reason ?? "ready"}\n");
    }
}
