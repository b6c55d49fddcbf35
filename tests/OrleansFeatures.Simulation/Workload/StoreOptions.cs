using OrleansFeatures.Entities.Embedded;

namespace OrleansFeatures.Simulation.Workload;

/// <summary>How a seed's store is set up: small segments, small queues, and often too little memory.</summary>
internal static class StoreOptions
{
    public const string Directory = "/data/log";

    public static EmbeddedHostOptions Draw(Random random) => new()
    {
        LogDirectory = Directory,
        PartitionCount = Bounds.PartitionCount,
        PartitionLoops = random.Next(1, 4),
        LogSegmentBytesMax = random.Next(3) == 0 ? 1 << 20 : random.Next(8, 40) * 1_024,
        LogQueueBytesMax = random.Next(3) == 0 ? 1 << 20 : random.Next(2, 12) * 1_024,
        MemoryBudgetBytes = random.Next(4) == 0 ? random.Next(40, 200) * 1_024 : 1L << 40,
        EntityBudgetBytes = random.Next(2) == 0 ? long.MaxValue : random.Next(2, 8) * 1_024,
    };
}
