using OrleansFeatures.Domain.Events;
using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.Following;

/// <summary>What has changed since the slice before it, in the order of the log, and applied: a read from now on sees it.</summary>
/// <param name="Changes">A record each, of those that the filter wanted; an event that concerns several entities is several. Empty where nothing of interest went by.</param>
/// <param name="Through">Everything up to here has been looked at: where to go on.</param>
public sealed record AppliedChanges(IReadOnlyList<EntityChange> Changes, LogSequence Through);

/// <summary>One record of the log that concerns an entity.</summary>
/// <param name="Sequence">Its place in the log.</param>
/// <param name="Partition">The entity's.</param>
/// <param name="Offset">Its place in the partition. The entity's state version is greater from then on.</param>
/// <param name="EntityType">The entity type's number (<see cref="Domain.Definitions.EntityPlan"/>). It may be of definitions that are not live any more.</param>
/// <param name="Key">The entity's key (<see cref="EntityKeyEncoding"/>). It may be kept.</param>
/// <param name="Stream">The stream's number.</param>
/// <param name="Time">When the event happened.</param>
/// <param name="Arrival">When it came.</param>
/// <param name="Operation">What it did to the entity. A correction concerns the time of the version that it replaces as well (<paramref name="PreviousTime"/>).</param>
/// <param name="PreviousTime">Unless an insert: when the event happened according to the version that was replaced; -1 where there was none.</param>
public readonly record struct EntityChange(
    LogSequence Sequence, PartitionId Partition, LogOffset Offset, uint EntityType, ReadOnlyMemory<byte> Key, uint Stream, EventTime Time, EventTime Arrival, EventOperation Operation, EventTime PreviousTime);

/// <summary>Whether changes of an entity are of interest. Called for every record that goes by, so it should take nanoseconds; on a thread that may be another each time, one at a time.</summary>
public delegate bool ChangeFilter(uint entityType, ReadOnlySpan<byte> key);
