using Grpc.Core;
using Grpc.Headers;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Patterns;

namespace Grpc.Server;

/// <summary>
/// UNIMPLEMENTED for gRPC requests that no endpoint serves. They rank after every other endpoint, and the one for unknown services takes
/// only requests with a gRPC content type, so other endpoints of the application are not disturbed.
/// </summary>
internal static class UnimplementedEndpoints
{
    private static readonly string[] PostOnly = ["POST"];

    public static void MapUnknownMethods(IEndpointRouteBuilder routes, string service, MethodSettings settings) =>
        Map(routes, $"/{service}/{{unknownMethod}}", $"Service '{service}' has no such method.", settings);

    public static void MapUnknownServices(IEndpointRouteBuilder routes, MethodSettings settings) =>
        Map(routes, "/{unknownService}/{unknownMethod}", "This server has no such service.", settings);

    private static void Map(IEndpointRouteBuilder routes, string pattern, string detail, MethodSettings settings)
    {
        var route = RoutePatternFactory.Parse(pattern, defaults: null, parameterPolicies: new { unknownMethod = GrpcRequestConstraint.Instance });
        routes.Map(route, http => RefuseAsync(http, detail, settings))
            .WithMetadata(new HttpMethodMetadata(PostOnly))
            .WithDisplayName($"gRPC - unimplemented {pattern}")
            .WithOrder(int.MaxValue);
    }

    private static Task RefuseAsync(HttpContext http, string detail, MethodSettings settings)
    {
        if (RequestGate.TryAdmit(http, settings.Logger))
        {
            var call = new ServerCall(http, settings);
            if (call.TryEnd())
            {
                call.WriteStatus(new Status(StatusCode.Unimplemented, $"{detail} Path: {http.Request.Path}"));
            }
        }

        return Task.CompletedTask;
    }

    private sealed class GrpcRequestConstraint : IRouteConstraint
    {
        public static readonly GrpcRequestConstraint Instance = new();

        public bool Match(HttpContext? httpContext, IRouter? route, string routeKey, RouteValueDictionary values, RouteDirection routeDirection) =>
            httpContext is null
            || httpContext.Request.ContentType?.StartsWith(HeaderNames.ContentType, StringComparison.OrdinalIgnoreCase) == true;
    }
}
