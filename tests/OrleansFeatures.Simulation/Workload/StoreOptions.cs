using OrleansFeatures.Entities.Embedded;

namespace OrleansFeatures.Simulation.Workload;

/// <summary>How a seed's store is set up: small segments, small queues, often too little memory, checkpoints all the time, entities that fall asleep at once.</summary>
internal static class StoreOptions
{
    public const string Directory = "/data/log";

    /// <summary>More than any simulated store holds.</summary>
    public const long MemoryBudgetNone = 1L << 40;

    private const string StateDirectory = "/data/state";

    public static EmbeddedHostOptions Draw(Random random) => new()
    {
        LogDirectory = Directory,
        StateDirectory = StateDirectory,
        CheckpointInterval = TimeSpan.FromSeconds(random.Next(5, 600)),
        CheckpointLogBytes = random.Next(4, 200) * 1_024,
        RawHistory = random.Next(5) == 0 ? TimeSpan.FromMinutes(random.Next(1, 40)) : null,
        CheckpointOnClose = random.Next(2) == 0,
        EntityIdleAfter = TimeSpan.FromSeconds(random.Next(2, 300)),
        PartitionCount = Bounds.PartitionCount,
        PartitionLoops = random.Next(1, 4),
        LogSegmentBytesMax = random.Next(3) == 0 ? 1 << 20 : random.Next(8, 40) * 1_024,
        LogQueueBytesMax = random.Next(3) == 0 ? 1 << 20 : random.Next(2, 12) * 1_024,
        MemoryBudgetBytes = random.Next(4) == 0 ? random.Next(40, 200) * 1_024 : MemoryBudgetNone,
        EntityBudgetBytes = random.Next(2) == 0 ? long.MaxValue : random.Next(2, 8) * 1_024,
    };
}
