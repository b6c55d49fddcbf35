using Microsoft.Extensions.Logging;

namespace OrleansFeatures.Silo;

/// <summary>Everything that a silo logs. Numbers: 1 to 99 streams and placement.</summary>
internal static partial class LogMessages
{
    [LoggerMessage(EventId = 1, Level = LogLevel.Warning, Message = "Partition {Partition}: the batch at offset {Offset} could not be delivered for too long and was passed over; the partition's grain reads it from the log itself")]
    public static partial void DeliveryPassedOver(ILogger logger, string partition, long offset);

    [LoggerMessage(EventId = 2, Level = LogLevel.Warning, Message = "Partition {Partition}: its grain could not be asked to subscribe; delivery goes on from the oldest batch held, and the grain reads the rest from the log itself")]
    public static partial void SubscriptionFailed(ILogger logger, string partition);

    [LoggerMessage(EventId = 3, Level = LogLevel.Warning, Message = "Partition {Partition}: its tail cannot be read; the next try comes in a second")]
    public static partial void TailUnreadable(ILogger logger, int partition, Exception exception);

    [LoggerMessage(EventId = 4, Level = LogLevel.Error, Message = "The change of the partition plan could not be told to the pulling agents; they keep their queues until the next change")]
    public static partial void PlanChangeUntold(ILogger logger, Exception exception);
}
