using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.Operations;

/// <summary>Which entities are recomputed.</summary>
/// <param name="EntityType">Only these; null for every type.</param>
/// <param name="SampleSize">How many, drawn evenly from all that history names; null for every one. 1 to <see cref="Limits.ReconcileSampleMax"/>.</param>
/// <param name="Seed">Which sample: the same seed over the same entities draws the same ones.</param>
public sealed record ReconcileScope(EntityPlan? EntityType, int? SampleSize, ulong Seed)
{
    /// <summary>Tests take less than <see cref="Limits.ReconcileRecordsPerPassMax"/>.</summary>
    internal long RecordsPerPassMax { get; init; } = Limits.ReconcileRecordsPerPassMax;

    /// <summary>Tests take less than <see cref="Limits.ReconcileBatchEntities"/>.</summary>
    internal int BatchEntities { get; init; } = Limits.ReconcileBatchEntities;
}

/// <summary>How far a reconciliation is. The total is an estimate until the sample has been drawn.</summary>
public readonly record struct ReconcileProgress(long RecordsRead, long RecordsTotal, ReconcileCounts Counts);

/// <summary>What a reconciliation has met.</summary>
/// <param name="Entities">Compared, or found unreadable.</param>
/// <param name="Values">Values of features at instants, compared or not.</param>
/// <param name="Rounded">Doubles that agree to <see cref="Limits.ReconcileRelativeError"/> but not to the bit: chunks of other sizes were summed up in another order.</param>
/// <param name="Approximate">Live values that say themselves that they are computed from sums: not comparable, and not differences.</param>
/// <param name="OutsideRetention">Values that live state no longer holds, or that history does not any more: not comparable either.</param>
/// <param name="Differences">Values that are wrong, live or recomputed.</param>
/// <param name="Unreadable">Entities that do not answer.</param>
public readonly record struct ReconcileCounts(long Entities, long Values, long Rounded, long Approximate, long OutsideRetention, long Differences, long Unreadable);

/// <summary>One value that history does not bear out.</summary>
/// <param name="Entity">Its type.</param>
/// <param name="Key">Its key as <see cref="EntityKeyEncoding"/> writes it.</param>
/// <param name="Feature">The feature.</param>
/// <param name="AsOf">The instant that both were computed for.</param>
/// <param name="Live">What the store serves.</param>
/// <param name="Recomputed">What all records of the entity up to the state version give.</param>
/// <param name="StateVersion">The state that answered: every record of the entity at an offset below.</param>
/// <param name="Partition">Where these records lie.</param>
/// <param name="Events">Raw events that the recomputed value rests on, superseded versions included.</param>
public sealed record FeatureDifference(
    EntityPlan Entity, ReadOnlyMemory<byte> Key, FeaturePlan Feature, EventTime AsOf, FeatureValue Live, FeatureValue Recomputed, long StateVersion, PartitionId Partition, long Events);

/// <summary>An entity that does not answer, live or recomputed, and why.</summary>
public sealed record UnreadableEntity(EntityPlan Entity, ReadOnlyMemory<byte> Key, string Reason);

/// <summary>What came of a reconciliation. The lists hold at most <see cref="Limits.ReconcileListMax"/> each; the counts count all.</summary>
public sealed record ReconcileReport(ReconcileCounts Counts, IReadOnlyList<FeatureDifference> Differences, IReadOnlyList<UnreadableEntity> Unreadable);

/// <summary>A reconciliation is under way already; one at a time bounds the memory they take.</summary>
public sealed class ReconcileUnderWayException() : Exception("another reconciliation is under way; wait until it has ended, or cancel it");
