namespace OrleansFeatures.Entities.Partitions;

/// <summary>
/// What the entities in memory may take. Partitions report what they hold; one that grows while the whole is over its budget lets those sleep that nobody wants. Where too few may, because what they know is in no checkpoint
/// yet, a checkpoint is asked for; and when the whole is a tenth over, the host takes no more events: never the process is what gives.
/// </summary>
/// <param name="processBytes">For all partitions together.</param>
/// <param name="entityBytes">For the rows of one entity.</param>
public sealed class MemoryBudget(long processBytes, long entityBytes)
{
    private long _held;
    private bool _wantsCheckpoint;

    public static MemoryBudget Unlimited => new(long.MaxValue / 2, long.MaxValue);

    public long ProcessBytes => processBytes;

    public long EntityBytes => entityBytes;

    /// <summary>As last reported.</summary>
    public long HeldBytes => Volatile.Read(ref _held);

    public bool IsOver => HeldBytes > processBytes;

    /// <summary>No events must come until some have left.</summary>
    public bool IsExhausted => HeldBytes > processBytes + (processBytes / Limits.MemoryOverdraftShare);

    /// <summary>Set when a checkpoint is asked for before its time, because entities cannot sleep without one.</summary>
    internal bool WantsCheckpoint => Volatile.Read(ref _wantsCheckpoint);

    internal void AskForCheckpoint()
    {
        if (!Volatile.Read(ref _wantsCheckpoint))
        {
            Volatile.Write(ref _wantsCheckpoint, true);
            CheckpointWanted?.Invoke();
        }
    }

    internal void CheckpointBegins() => Volatile.Write(ref _wantsCheckpoint, false);

    /// <summary>Called inside a partition's gate: it may only wake somebody.</summary>
    internal Action? CheckpointWanted { get; set; }

    internal void Report(long grownBytes) => Interlocked.Add(ref _held, grownBytes);
}

/// <summary>The entities in memory fill their budget, and no checkpoint has freed any for now.</summary>
public sealed class StateMemoryFullException(long heldBytes, long budgetBytes)
    : Exception($"entities hold {heldBytes >> 20} MB and the memory budget is {budgetBytes >> 20} MB; push again after the next checkpoint; if this stays, look at 'orleans-features status' for why checkpoints fail, or raise --memory-budget");
