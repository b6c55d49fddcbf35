using Microsoft.Extensions.Logging;

namespace OrleansFeatures.Gateway;

/// <summary>Everything that the gateway logs.</summary>
internal static partial class LogMessages
{
    [LoggerMessage(EventId = 1, Level = LogLevel.Error, Message = "{Method} failed")]
    public static partial void CallFailed(ILogger logger, string method, Exception exception);
}
