using OrleansFeatures.Silo.Grains;

namespace OrleansFeatures.Silo.Operations;

/// <summary>The partitions that this silo owns at the moment, as operators want to know them. Any thread.</summary>
internal sealed class LocalPartitions(PartitionHomes homes, ClusterStore store, SiloMemory memory, SiloMetrics metrics, TimeProvider time)
{
    private readonly LagWatch _unapplied = new(time);
    private readonly LagWatch _unsaved = new(time);

    /// <summary>What the entities of all of them take, as last measured.</summary>
    public long MemoryBytes => memory.HeldBytes;

    /// <summary>What this silo has done since it started.</summary>
    public SiloMetrics Metrics => metrics;

    /// <summary>Each of them as it is now.</summary>
    public IReadOnlyList<PartitionReport> Report() => [.. homes.All.Select(ReportOf)];

    /// <summary>Notes how far each has come. Called every second.</summary>
    public void Look()
    {
        PartitionHome[] owned = [.. homes.All];
        _unapplied.Look(owned.Select(home => new Progress(home.Partition.Value, store.Log.DurableOffset(home.Partition).Value, home.Ownership.Applied.Value)));
        _unsaved.Look(owned.Select(home => new Progress(home.Partition.Value, home.Ownership.Applied.Value, home.Checkpoint.Value)));
    }

    private PartitionReport ReportOf(PartitionHome home)
    {
        long applied = home.Ownership.Applied.Value;
        int partition = home.Partition.Value;
        HomeCensus census = home.Census();
        return new PartitionReport
        {
            Partition = partition,
            Epoch = home.Ownership.Claim.Epoch,
            Generation = home.Ownership.Claim.Generation,
            Durable = Math.Max(applied, store.Log.DurableOffset(home.Partition).Value),
            Applied = applied,
            LagAge = _unapplied.Of(partition, applied),
            CheckpointAge = _unsaved.Of(partition, home.Checkpoint.Value),
            Entities = census.Entities,
            Awake = census.Awake,
            CaughtUp = home.Ownership.IsCaughtUp,
            CheckpointFailures = home.LastCheckpoint.Failures,
        };
    }
}
