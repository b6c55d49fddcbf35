using Microsoft.Extensions.Logging;
using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.Partitions;

/// <summary>A record that could not be applied: what that means, the same in every host.</summary>
internal static class PoisonedRecord
{
    /// <summary>
    /// The entity that the record is for does not answer any more, and says so; its neighbours go on. Called where the exception has been caught: whatever its type, events were checked before they entered the log.
    /// </summary>
    public static void Tell(ILogger logger, LogRecord record, Exception failure)
    {
        switch (failure)
        {
            case OutOfMemoryException:
                // The record is durable and may be half in memory. To go on would be to serve, and to save, values without it; a restart applies it again.
                Environment.FailFast($"no memory left to apply the record at partition {record.Partition.Value}, offset {record.Offset.Value}; nothing acknowledged is lost: start the store again, with more memory", failure);
                break;
            case EntityUnreadableException:
                logger.StateDamaged(failure.Message);
                break;
            default:
                logger.EntityFaulted(record.Partition.Value, record.Offset.Value, failure);
                break;
        }
    }
}
