using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.Embedded;

/// <summary>Where and how an embedded host runs.</summary>
public sealed record EmbeddedHostOptions
{
    private static readonly LogOptions Defaults = new() { Directory = "" };

    /// <summary>The log's directory; owned by this process while the host runs.</summary>
    public required string LogDirectory { get; init; }

    /// <summary>Fixed when the store is made. Default <see cref="Limits.PartitionCountDefault"/>.</summary>
    public int PartitionCount { get; init; } = Limits.PartitionCountDefault;

    /// <summary>A segment of the log is sealed before it grows past this. Default as of <see cref="LogOptions"/>.</summary>
    public long LogSegmentBytesMax { get; init; } = Defaults.SegmentBytesMax;

    /// <summary>Bytes of events that the log holds, accepted and not yet applied; past it pushes wait or are refused. Default as of <see cref="LogOptions"/>.</summary>
    public long LogQueueBytesMax { get; init; } = Defaults.QueueBytesMax;

    /// <summary>Threads that apply events. Default: the cores, at most <see cref="Limits.PartitionLoopsMax"/>.</summary>
    public int PartitionLoops { get; init; } = Math.Clamp(Environment.ProcessorCount, 1, Limits.PartitionLoopsMax);

    /// <summary>What the state of all entities may take before the oldest raw events of the largest are summed up. Default <see cref="Limits.MemoryBudgetBytesDefault"/>.</summary>
    public long MemoryBudgetBytes { get; init; } = Limits.MemoryBudgetBytesDefault;

    /// <summary>What the rows of one entity may take before its oldest are summed up. Default <see cref="Limits.EntityBudgetBytesDefault"/>.</summary>
    public long EntityBudgetBytes { get; init; } = Limits.EntityBudgetBytesDefault;
}
