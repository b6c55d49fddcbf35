namespace OrleansFeatures.Silo;

/// <summary>How a silo keeps its entities.</summary>
public sealed record ClusterHostOptions
{
    /// <summary>What the rows of one entity may take before its oldest events are summed up.</summary>
    public long EntityBudgetBytes { get; init; } = Entities.Limits.EntityBudgetBytesDefault;

    /// <summary>What all entities of this silo may take in memory; above it those that nobody wants are let go, and a tenth above it this silo's gateway takes no events.</summary>
    public long MemoryBudgetBytes { get; init; } = Limits.MemoryBudgetBytesDefault;

    /// <summary>Time between checkpoints of one partition.</summary>
    public TimeSpan CheckpointEvery { get; init; } = Limits.CheckpointEvery;

    /// <summary>How long history is kept at least; null: for ever.</summary>
    public TimeSpan? RawHistory { get; init; }

    /// <summary>How far behind stream time the id of an event is remembered at least.</summary>
    public TimeSpan DedupeHorizon { get; init; } = Entities.Limits.DedupeHorizonDefault;
}
