using Microsoft.Extensions.Logging;

namespace OrleansFeatures.Entities;

/// <summary>Everything that the entity layer says to operators.</summary>
internal static partial class LogMessages
{
    [LoggerMessage(1, LogLevel.Information, "Replayed {Records} records from {Directory}.")]
    public static partial void Replayed(this ILogger logger, long records, string directory);

    [LoggerMessage(2, LogLevel.Error, "A bug of ours: the record at partition {Partition}, offset {Offset} could not be applied. Its entity does not answer until it is rebuilt (orleans-features replay); please report it.")]
    public static partial void EntityFaulted(this ILogger logger, int partition, long offset, Exception bug);

    [LoggerMessage(3, LogLevel.Error, "A checkpoint failed; the one before it still counts, and the next is tried in time: {Reason}")]
    public static partial void CheckpointFailed(this ILogger logger, string reason);

    [LoggerMessage(4, LogLevel.Error, "Saved state is damaged; its file is kept as it is: {Reason}")]
    public static partial void StateDamaged(this ILogger logger, string reason);

    [LoggerMessage(5, LogLevel.Information, "Dropped {Segments} segments of the log: raw history begins at sequence {First} now.")]
    public static partial void HistoryCut(this ILogger logger, int segments, long first);

    [LoggerMessage(6, LogLevel.Warning, "Saved state was damaged and is set aside as {Files}; the log is replayed instead. {Reason}")]
    public static partial void StateSetAside(this ILogger logger, string files, string reason);

    [LoggerMessage(7, LogLevel.Warning, "Saved state was damaged and has been made good; look at the disk. {Damage}")]
    public static partial void StateRepaired(this ILogger logger, string damage);
}
