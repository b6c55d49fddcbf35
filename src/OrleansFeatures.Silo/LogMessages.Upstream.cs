using Microsoft.Extensions.Logging;

namespace OrleansFeatures.Silo;

/// <content>The upstream: 300 to 399.</content>
internal static partial class LogMessages
{
    [LoggerMessage(EventId = 300, Level = LogLevel.Warning, Message = "Upstream {Partition}: a delivery behind message {Taken} failed for good; if it held messages, they are read again")]
    public static partial void UpstreamDeliveryFailed(ILogger logger, string partition, long taken, Exception exception);

    [LoggerMessage(EventId = 301, Level = LogLevel.Warning, Message = "Upstream {Partition}: messages behind {Taken} through {Missing} were never delivered; the receivers begin again at the kept position")]
    public static partial void UpstreamGap(ILogger logger, string partition, long taken, long missing);

    [LoggerMessage(EventId = 302, Level = LogLevel.Warning, Message = "Upstream {Partition}: the receivers could not be made to begin again; it is tried again with the next delivery")]
    public static partial void UpstreamBeginAnewFailed(ILogger logger, string partition, Exception exception);

    [LoggerMessage(EventId = 303, Level = LogLevel.Warning, Message = "Upstream {Partition}: the kept position is at message {Taken} or ahead of it, so somebody else takes in this partition too; this activation makes room")]
    public static partial void UpstreamOvertaken(ILogger logger, string partition, long taken);

    [LoggerMessage(EventId = 304, Level = LogLevel.Warning, Message = "Upstream {Partition}: position {Taken} could not be kept, and is tried again; until then more would be read again after a loss: {Reason}")]
    public static partial void UpstreamPositionNotKept(ILogger logger, string partition, long taken, string reason);
}
