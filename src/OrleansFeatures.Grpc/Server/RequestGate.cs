using Grpc.Headers;
using Microsoft.Extensions.Primitives;

namespace Grpc.Server;

/// <summary>What must hold of an HTTP request before it is a gRPC call. Refusals here are HTTP's, since the client does not speak gRPC.</summary>
internal static class RequestGate
{
    public static bool TryAdmit(HttpContext http, ILogger logger)
    {
        if (!HttpProtocol.IsHttp2(http.Request.Protocol))
        {
            Refuse(http, logger, StatusCodes.Status426UpgradeRequired, $"gRPC needs HTTP/2, and this request is {http.Request.Protocol}.");
            http.Response.Headers.Upgrade = "h2c";
            return false;
        }

        if (!HeaderNames.IsGrpcContentType(http.Request.ContentType))
        {
            Refuse(http, logger, StatusCodes.Status415UnsupportedMediaType, $"Content-Type '{http.Request.ContentType}' is not application/grpc.");
            return false;
        }

        return true;
    }

    private static void Refuse(HttpContext http, ILogger logger, int httpStatus, string reason)
    {
        logger.RequestRefused(httpStatus, reason);
        http.Response.StatusCode = httpStatus;
        http.Response.Headers[HeaderNames.Status] = StatusHeaders.Text(StatusHeaders.FromHttpStatus(httpStatus));
        http.Response.Headers[HeaderNames.Message] = new StringValues(PercentEncoding.Encode(reason));
    }
}
