using OrleansFeatures.Log;

namespace OrleansFeatures.Postgres.States;

/// <summary>An entity's state as a row keeps it. Key and state are the caller's memory: they must not change while a checkpoint writes them.</summary>
/// <param name="EntityType">The number of the entity's type.</param>
/// <param name="Key">The key's bytes, at most <see cref="Limits.EntityKeyBytesMax"/>.</param>
/// <param name="Version">The state version; a row gives way to a higher one only.</param>
/// <param name="Format">Of <paramref name="State"/>; the store does not look into it.</param>
/// <param name="State">The whole entity.</param>
public readonly record struct EntityRow(uint EntityType, ReadOnlyMemory<byte> Key, long Version, short Format, ReadOnlyMemory<byte> State);

/// <summary>What an owner holds of a partition until somebody else acquires it.</summary>
/// <param name="Partition">Which.</param>
/// <param name="Epoch">Its number among all owners that the partition has had; higher is later.</param>
/// <param name="Generation">Of the definitions that the states belong to.</param>
/// <param name="Applied">Through where a checkpoint holds the partition's log; replay begins behind it. As of the moment of acquiring: a checkpoint does not change a claim.</param>
public sealed record PartitionClaim(PartitionId Partition, long Epoch, long Generation, LogOffset Applied);

/// <summary>Where a partition stands, for those who watch.</summary>
public sealed record PartitionStanding(PartitionId Partition, long Epoch, long Generation, LogOffset Applied, string Owner);
