using OrleansFeatures.Domain;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.Partitions;

/// <summary>
/// Which partition an entity lives in: the stable hash of tenant, entity type and key, modulo the number of partitions. Part of the on-disk
/// contract: a store keeps the partition count it was made with.
/// </summary>
public sealed class PartitionMap(int count)
{
    /// <summary>The tenant of a store that has not been divided among several.</summary>
    public const string DefaultTenant = "default";

    private static readonly ulong TenantSeed = StableHash.Of(DefaultTenant);

    public int Count => count;

    public PartitionId Of(EntityPlan entity, ReadOnlySpan<byte> key) => Of(entity.Id, key);

    public PartitionId Of(uint entityTypeId, ReadOnlySpan<byte> key) =>
        new((int)(StableHash.Of(key, TenantSeed ^ entityTypeId) % (ulong)count));
}
