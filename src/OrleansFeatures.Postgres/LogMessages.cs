using Microsoft.Extensions.Logging;

namespace OrleansFeatures.Postgres;

/// <summary>Everything that the store in PostgreSQL says to operators.</summary>
internal static partial class LogMessages
{
    [LoggerMessage(1, LogLevel.Information, "The store in PostgreSQL {Version} is open: schema {Schema}, {Partitions} partitions.")]
    public static partial void Opened(this ILogger logger, string schema, int partitions, string version);

    [LoggerMessage(2, LogLevel.Warning, "An append failed; nothing of it is acknowledged, and it is safe to send it again: {Reason}")]
    public static partial void AppendFailed(this ILogger logger, string reason);

    [LoggerMessage(3, LogLevel.Information, "PostgreSQL takes appends again after {Attempts} attempts.")]
    public static partial void AppendsResumed(this ILogger logger, int attempts);

    [LoggerMessage(7, LogLevel.Critical, "Appends have ended unexpectedly; this process takes no more events until it is started anew: {Reason}")]
    public static partial void AppendsEnded(this ILogger logger, string reason, Exception failure);

    [LoggerMessage(4, LogLevel.Warning, "The log in PostgreSQL cannot be followed just now; it is tried again: {Reason}")]
    public static partial void FollowingFailed(this ILogger logger, string reason);

    [LoggerMessage(5, LogLevel.Information, "The log in PostgreSQL is followed again.")]
    public static partial void FollowingResumed(this ILogger logger);

    [LoggerMessage(6, LogLevel.Information, "Dropped history of the log: raw history begins at sequence {First} now.")]
    public static partial void HistoryDropped(this ILogger logger, long first);

    [LoggerMessage(101, LogLevel.Warning, "Partition {Partition}: ended {Sessions} database sessions of a former owner that had kept a write open for {Patience}.")]
    public static partial void BlockersEnded(this ILogger logger, int partition, long sessions, TimeSpan patience);

    [LoggerMessage(102, LogLevel.Warning, "Partition {Partition}: a former owner's write is in the way and could not be ended; it is waited for.")]
    public static partial void BlockersStay(this ILogger logger, int partition, Exception exception);

    [LoggerMessage(103, LogLevel.Warning, "Partition {Partition}: states of older definitions could not be deleted; the next checkpoint tries again: {Reason}")]
    public static partial void OlderRowsStay(this ILogger logger, int partition, string reason);
}
