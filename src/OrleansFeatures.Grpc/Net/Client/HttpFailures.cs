using Grpc.Core;
using Grpc.Headers;

namespace Grpc.Net.Client;

/// <summary>What an exception of the HTTP stack means as a status.</summary>
internal static class HttpFailures
{
    public static Status StatusOf(Exception exception) => exception switch
    {
        _ when ProtocolErrorOf(exception) is { } error => new Status(StatusHeaders.FromHttp2Error(error.ErrorCode), $"The server reset the stream: {error.Message}", exception),

        // Not by the caller: its token, deadline and disposal have given their reason before (ClientCall.Finish). What is left is HTTP giving up
        // the stream because its connection died.
        HttpRequestException or IOException or OperationCanceledException => new Status(StatusCode.Unavailable, $"The server could not be reached, or the connection broke: {Innermost(exception).Message}", exception),
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
