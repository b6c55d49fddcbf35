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

    /// <summary>What entities in memory may take before those sleep that nobody wants. Default <see cref="Limits.MemoryBudgetBytesDefault"/>.</summary>
    public long MemoryBudgetBytes { get; init; } = Limits.MemoryBudgetBytesDefault;

    /// <summary>What the rows of one entity may take before its oldest are summed up. Default <see cref="Limits.EntityBudgetBytesDefault"/>.</summary>
    public long EntityBudgetBytes { get; init; } = Limits.EntityBudgetBytesDefault;

    /// <summary>Where checkpoints lie; owned by this process while the host runs. Default: <c>state</c> inside <see cref="LogDirectory"/>.</summary>
    public string? StateDirectory { get; init; }

    /// <summary>Time between checkpoints while events come. Default <see cref="Limits.CheckpointIntervalDefault"/>.</summary>
    public TimeSpan CheckpointInterval { get; init; } = Limits.CheckpointIntervalDefault;

    /// <summary>Bytes of log after which a checkpoint is taken before its time. Default <see cref="Limits.CheckpointLogBytesDefault"/>.</summary>
    public long CheckpointLogBytes { get; init; } = Limits.CheckpointLogBytesDefault;

    /// <summary>Entities that nobody wants for so long leave memory, once a checkpoint holds them. Default <see cref="Limits.EntityIdleAfterDefault"/>.</summary>
    public TimeSpan EntityIdleAfter { get; init; } = Limits.EntityIdleAfterDefault;

    /// <summary>How long raw history is kept, by when it was written; older segments of the log go once a checkpoint is behind them. Null, the default: for ever. What then needs it answers OUTSIDE_RETENTION.</summary>
    public TimeSpan? RawHistory { get; init; }

    /// <summary>How far behind stream time ids of events are remembered, if the stream's retention is not longer; an older event that is not known is refused then. Default <see cref="Limits.DedupeHorizonDefault"/>.</summary>
    public TimeSpan DedupeHorizon { get; init; } = Limits.DedupeHorizonDefault;

    /// <summary>Opens a store with damage: what is damaged is left out, or set aside and rebuilt from the log. What that costs is said. Default false: damage is refused.</summary>
    public bool SkipDamage { get; init; }

    /// <summary>Whether closing takes a last checkpoint, so that the next start has nothing to replay. Default true.</summary>
    public bool CheckpointOnClose { get; init; } = true;
}
