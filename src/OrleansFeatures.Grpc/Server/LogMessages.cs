namespace Grpc.Server;

internal static partial class LogMessages
{
    [LoggerMessage(1, LogLevel.Error, "Handler of {Method} failed with an unexpected exception; the client receives UNKNOWN.")]
    public static partial void HandlerFailed(this ILogger logger, string method, Exception exception);

    [LoggerMessage(2, LogLevel.Debug, "Call of {Method} ended with {Status}: {Detail}")]
    public static partial void CallRefused(this ILogger logger, string method, Grpc.Core.StatusCode status, string detail);

    [LoggerMessage(3, LogLevel.Debug, "The client of {Method} went away.")]
    public static partial void ClientGone(this ILogger logger, string method);

    [LoggerMessage(4, LogLevel.Debug, "Request refused with HTTP {HttpStatus}: {Reason}")]
    public static partial void RequestRefused(this ILogger logger, int httpStatus, string reason);

    [LoggerMessage(5, LogLevel.Debug, "The early end of {Method} could not be sent; its stream is reset.")]
    public static partial void EndNotSent(this ILogger logger, string method, Exception exception);

    [LoggerMessage(6, LogLevel.Warning, "A client of {Method} has not read its response for {Stall}; its stream is reset.")]
    public static partial void ClientStalled(this ILogger logger, string method, TimeSpan stall);
}
