using Microsoft.Extensions.Logging;

namespace OrleansFeatures.Gateway;

/// <summary>Everything that the gateway logs.</summary>
internal static partial class LogMessages
{
    [LoggerMessage(EventId = 1, Level = LogLevel.Error, Message = "{Method} failed")]
    public static partial void CallFailed(ILogger logger, string method, Exception exception);

    [LoggerMessage(EventId = 2, Level = LogLevel.Warning, Message = "amendments are held up, and gone on with in a moment from where they stood: {Reason}")]
    public static partial void AmendmentsHeldUp(ILogger logger, string reason, Exception exception);
}
