using Microsoft.Extensions.Logging;

namespace OrleansFeatures.Entities;

/// <summary>Everything that the entity layer says to operators.</summary>
internal static partial class LogMessages
{
    [LoggerMessage(1, LogLevel.Information, "Replayed {Records} records from {Directory}.")]
    public static partial void Replayed(this ILogger logger, long records, string directory);

    [LoggerMessage(2, LogLevel.Error, "A bug of ours: the record at partition {Partition}, offset {Offset} could not be applied. Its entity does not answer until the store is restarted; please report it.")]
    public static partial void EntityFaulted(this ILogger logger, int partition, long offset, Exception bug);
}
