using Grpc.Core;
using Grpc.Headers;

namespace Grpc.Net.Client;

/// <summary>What an exception of the HTTP stack means as a status.</summary>
internal static class HttpFailures
{
    public static Status StatusOf(Exception exception) => exception switch
    {
        OperationCanceledException => new Status(StatusCode.Cancelled, "The call was cancelled.", exception),
        _ when ProtocolErrorOf(exception) is { } error => new Status(StatusHeaders.FromHttp2Error(error.ErrorCode), $"The server reset the stream: {error.Message}", exception),
        HttpRequestException or IOException => new Status(StatusCode.Unavailable, $"The server could not be reached, or the connection broke: {Innermost(exception).Message}", exception),
        _ => new Status(StatusCode.Internal, $"The call failed: {exception.Message}", exception),
    };

    private static HttpProtocolException? ProtocolErrorOf(Exception? exception)
    {
        while (exception is not null and not HttpProtocolException)
        {
            exception = exception.InnerException;
        }

        return exception as HttpProtocolException;
    }

    private static Exception Innermost(Exception exception)
    {
        while (exception.InnerException is { } inner)
        {
            exception = inner;
        }

        return exception;
    }
}
