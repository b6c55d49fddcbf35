using OrleansFeatures.Silo.Grains;

namespace OrleansFeatures.Silo.Reads;

/// <summary>How far the partitions that this silo owns have come.</summary>
internal sealed class LocalPositions(PartitionHomes homes)
{
    public PartitionPosition[] Now() => [.. homes.All.Select(Of)];

    private static PartitionPosition Of(PartitionHome home)
    {
        HomeCensus census = home.Census();
        Ownership ownership = home.Ownership;
        return new PartitionPosition(
            home.Partition.Value, ownership.Claim.Epoch, ownership.Claim.Generation, ownership.Applied.Value, ownership.IsCaughtUp,
            census.Entities, census.Awake, census.Events, MemoryParts.Of(census.Memory), home.LastCheckpoint);
    }
}
