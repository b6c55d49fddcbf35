using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Explanations;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.Operations;

/// <summary>One served value beside what the log says of it.</summary>
/// <param name="Entity">Whose value.</param>
/// <param name="Live">What live state answered.</param>
/// <param name="State">From which state: every record of the entity at an offset below its version, and no other, is accounted for.</param>
/// <param name="Partition">Where these records lie.</param>
/// <param name="Log">What they come to.</param>
public sealed record ExplainedValue(EntityPlan Entity, FeatureValue Live, EntityStamp State, PartitionId Partition, FeatureExplanation Log);
