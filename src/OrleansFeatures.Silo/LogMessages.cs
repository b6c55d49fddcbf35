using Microsoft.Extensions.Logging;

namespace OrleansFeatures.Silo;

/// <summary>Everything that a silo logs. Numbers: 1 to 99 streams and placement, 100 to 199 grains and reads.</summary>
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

    [LoggerMessage(EventId = 100, Level = LogLevel.Information, Message = "Partition {Partition} is owned here: epoch {Epoch}, generation {Generation}, checkpoint through {Applied}, durable through {Durable}")]
    public static partial void Claimed(this ILogger logger, int partition, long epoch, long generation, long applied, long durable);

    [LoggerMessage(EventId = 101, Level = LogLevel.Warning, Message = "Partition {Partition} is given up, and epoch {Epoch} with it: {Reason}")]
    public static partial void Fenced(this ILogger logger, int partition, long epoch, string reason);

    [LoggerMessage(EventId = 102, Level = LogLevel.Error, Message = "A checkpoint of partition {Partition} failed; the one before it still counts, and the next is tried in time: {Reason}")]
    public static partial void CheckpointFailed(this ILogger logger, int partition, string reason);

    [LoggerMessage(EventId = 103, Level = LogLevel.Warning, Message = "Partition {Partition} waits for {Entities} entities that have not taken their records: {Reason}")]
    public static partial void EntitiesWaiting(this ILogger logger, int partition, int entities, string reason);

    [LoggerMessage(EventId = 104, Level = LogLevel.Warning, Message = "Partition {Partition} stands at offset {Applied} and is tried again in a moment: {Reason}")]
    public static partial void PartitionStands(this ILogger logger, int partition, long applied, string reason);

    [LoggerMessage(EventId = 105, Level = LogLevel.Warning, Message = "Partition {Partition}: a delivery takes long at offset {Applied}; its stream does not wait for it, what comes meanwhile is read from the log")]
    public static partial void DeliverySlow(this ILogger logger, int partition, long applied);

    [LoggerMessage(EventId = 106, Level = LogLevel.Warning, Message = "Partition {Partition}: its stream passed over a batch, which is read from the log instead: {Reason}")]
    public static partial void StreamFailed(this ILogger logger, int partition, string reason);

    [LoggerMessage(EventId = 107, Level = LogLevel.Error, Message = "The saved state of an entity of partition {Partition}, type '{EntityType}', key {Key} (hex), cannot be read; it does not answer until it has been rebuilt (orleans-features replay): {Reason}")]
    public static partial void StateUnreadable(this ILogger logger, int partition, string entityType, string key, string reason);

    [LoggerMessage(EventId = 108, Level = LogLevel.Warning, Message = "Partition {Partition} could not be made active: {Reason}")]
    public static partial void EnsureFailed(this ILogger logger, int partition, string reason);

    [LoggerMessage(EventId = 109, Level = LogLevel.Warning, Message = "Whether claims stand could not be asked; without an answer within five seconds this silo's partitions answer no reads: {Reason}")]
    public static partial void ConfirmFailed(this ILogger logger, string reason);

    [LoggerMessage(EventId = 110, Level = LogLevel.Warning, Message = "Partition {Partition} stood at offset {Applied} while {Durable} is durable: its deliveries are missed, and it reads the log")]
    public static partial void DeliveriesMissed(this ILogger logger, int partition, long applied, long durable);

    [LoggerMessage(EventId = 111, Level = LogLevel.Warning, Message = "Whether other definitions are live could not be asked: {Reason}")]
    public static partial void RefreshFailed(this ILogger logger, string reason);

    [LoggerMessage(EventId = 112, Level = LogLevel.Information, Message = "Definitions of generation {Generation} are live")]
    public static partial void DefinitionsTaken(this ILogger logger, long generation);

    [LoggerMessage(EventId = 113, Level = LogLevel.Information, Message = "Drained: {Partitions} partitions have checkpoints of everything they were given")]
    public static partial void Drained(this ILogger logger, int partitions);

    [LoggerMessage(EventId = 114, Level = LogLevel.Warning, Message = "Old history could not be deleted; the next try comes in a minute: {Reason}")]
    public static partial void RetentionFailed(this ILogger logger, string reason);

    [LoggerMessage(EventId = 115, Level = LogLevel.Error, Message = "A bug of ours in what keeps this silo's partitions; it goes on: please report it")]
    public static partial void KeeperFailed(this ILogger logger, Exception bug);

    [LoggerMessage(EventId = 116, Level = LogLevel.Warning, Message = "What appends tell of stream time cannot be read; it stands still meanwhile: {Reason}")]
    public static partial void MarksUnreadable(this ILogger logger, string reason);

    [LoggerMessage(EventId = 117, Level = LogLevel.Information, Message = "Partition {Partition} is given up here, applied through {Applied}, checkpoint through {Checkpoint}")]
    public static partial void Released(this ILogger logger, int partition, long applied, long checkpoint);
}
