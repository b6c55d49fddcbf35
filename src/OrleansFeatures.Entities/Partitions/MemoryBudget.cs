namespace OrleansFeatures.Entities.Partitions;

/// <summary>
/// What the state of all entities may take. Partitions report what they hold; one that grows while the whole is over its budget compacts its own largest entities. When nothing is left
/// to compact, and the whole is a tenth over, the host takes no more events: never the process is what gives.
/// </summary>
/// <param name="processBytes">For all partitions together.</param>
/// <param name="entityBytes">For the rows of one entity.</param>
public sealed class MemoryBudget(long processBytes, long entityBytes)
{
    private long _held;

    public static MemoryBudget Unlimited => new(long.MaxValue / 2, long.MaxValue);

    public long ProcessBytes => processBytes;

    public long EntityBytes => entityBytes;

    /// <summary>As last reported.</summary>
    public long HeldBytes => Volatile.Read(ref _held);

    public bool IsOver => HeldBytes > processBytes;

    /// <summary>No events must come until some have left.</summary>
    public bool IsExhausted => HeldBytes > processBytes + (processBytes / Limits.MemoryOverdraftShare);

    internal void Report(long grownBytes) => Interlocked.Add(ref _held, grownBytes);
}

/// <summary>The state of entities fills its memory budget, and nothing is left that could be summed up.</summary>
public sealed class StateMemoryFullException(long heldBytes, long budgetBytes)
    : Exception($"entities hold {heldBytes >> 20} MB and the memory budget is {budgetBytes >> 20} MB; raise --memory-budget, shorten windows, or push again later");
