using OrleansFeatures.Log;

namespace OrleansFeatures.Postgres.Log;

/// <summary>PostgreSQL did not take the append, or cannot be read. Nothing is acknowledged, a retry with the same ids is safe, and the log comes back by itself when PostgreSQL does.</summary>
public sealed class LogUnavailableException(string message, Exception? cause = null) : LogException(message, cause);

/// <summary>Records of a partition that somebody wants were dropped with old history.</summary>
public sealed class PartitionTruncatedException(PartitionId partition, LogOffset wanted, LogOffset first)
    : LogException($"Record {wanted} of partition {partition} is no longer in the log: what it still holds begins at {first}. Read from there, or keep more history.")
{
    public PartitionId Partition => partition;

    public LogOffset Wanted => wanted;

    /// <summary>The oldest record of the partition that the log held at that moment.</summary>
    public LogOffset First => first;
}
