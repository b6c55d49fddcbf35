using OrleansFeatures.Log;

namespace OrleansFeatures.Postgres.States;

/// <summary>PostgreSQL did not do what was asked for. Nothing of a load or a claim has happened; of a checkpoint, all of it or nothing has.</summary>
public sealed class StatesException : Exception
{
    public StatesException(string message)
        : base(message)
    {
    }

    public StatesException(string message, Exception inner)
        : base(message, inner)
    {
    }

    /// <summary>Whether the same may succeed in a moment: a lost connection, a server that restarts, a full queue. Everything here may be asked for again; a checkpoint with the same rows, or newer ones.</summary>
    public bool IsTransient { get; init; }
}

/// <summary>
/// The partition is no longer this owner's: somebody has acquired it since, or newer definitions are live. Nothing was written. Give the partition up, and acquire it anew if it is still
/// this process's to run.
/// </summary>
public sealed class FencedException : Exception
{
    public FencedException(PartitionId partition, string reason)
        : base($"partition {partition}: {reason}. Nothing was written. Give the partition up; acquire it anew if it still belongs here.") => Partition = partition;

    public PartitionId Partition { get; }
}
