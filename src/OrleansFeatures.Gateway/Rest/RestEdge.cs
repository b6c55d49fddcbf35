using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace OrleansFeatures.Gateway.Rest;

/// <summary>
/// Around every REST request, before it is known which endpoint it is for: browsers' pages of other origins are told what they may, and what no endpoint takes is answered with problem details
/// like everything else. gRPC, which has its own port and HTTP/2, passes by.
/// </summary>
internal static class RestEdge
{
    public static void UseRestEdge(this WebApplication app, CrossOrigin origins) =>
        app.UseWhen(context => HttpProtocol.IsHttp11(context.Request.Protocol) || HttpProtocol.IsHttp10(context.Request.Protocol), rest => rest.Use(next => context => AroundAsync(context, next, origins)));

    private static async Task AroundAsync(HttpContext context, RequestDelegate next, CrossOrigin origins)
    {
        try
        {
            if (!origins.Admit(context))
            {
                return;
            }
        }
        catch (RequestRefusedException refused)
        {
            await Problems.WriteAsync(context, Failures.Of(refused)).ConfigureAwait(false);
            return;
        }

        await next(context).ConfigureAwait(false);
        if (!context.Response.HasStarted && context.Response is { StatusCode: >= 400, ContentType: null })
        {
            await Problems.WriteAsync(context, Failures.OfStatus(context.Response.StatusCode, MessageOf(context))).ConfigureAwait(false);
        }
    }

    private static string MessageOf(HttpContext context) => context.Response.StatusCode switch
    {
        StatusCodes.Status404NotFound => $"there is nothing at {context.Request.Path}; GET /openapi lists every path",
        StatusCodes.Status405MethodNotAllowed => $"{context.Request.Path} does not take {context.Request.Method}; it takes {context.Response.Headers.Allow}",
        _ => "the request was refused before it was read; GET /openapi describes what is taken",
    };
}
