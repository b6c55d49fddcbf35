using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.Remote;

/// <summary>
/// The process that an entity's partition belongs to does not answer, or nobody owns the partition for the moment: a process has left, or joins, or state is being rebuilt. Nothing is lost; the same
/// request succeeds once an owner has caught up with the log, mostly within a second.
/// </summary>
public sealed class PartitionUnavailableException : Exception
{
    public PartitionUnavailableException(PartitionId partition, string reason, Exception? cause = null)
        : base($"partition {partition.Value} cannot answer: {reason}; try again in a moment, and if it stays, look at which silos are active and whether they reach PostgreSQL", cause) => Partition = partition;

    public PartitionId Partition { get; }
}
