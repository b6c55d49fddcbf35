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
public sealed record ExplainedValue(EntityPlan Entity, FeatureValue Live, EntityStamp State, PartitionId Partition, FeatureExplanation Log)
{
    /// <summary>Whether the events that count give the value that was served.</summary>
    public Agreement Agreement { get; } = AgreementOf(Live, Log.Recomputed);

    /// <summary>Two values of one feature, held against each other as a reconciliation does.</summary>
    public static Agreement AgreementOf(in FeatureValue live, in FeatureValue recomputed) =>
        live.Equals(recomputed) || Comparison.AgreesButForRounding(live, recomputed) ? Agreement.Agrees
        : live.Status is FeatureStatus.Approximate or FeatureStatus.OutsideRetention or FeatureStatus.OutsideMaxAge || recomputed.Status == FeatureStatus.OutsideRetention ? Agreement.NotComparable
        : Agreement.Differs;
}

/// <summary>How a served value and its events go together. The numbers are those on the wire.</summary>
public enum Agreement : byte
{
    /// <summary>To the bit, or to ten digits where roundings add up in another order.</summary>
    Agrees = 0,

    /// <summary>The value is approximate, or has expired, or something that it needs has left live state, or the log.</summary>
    NotComparable = 1,

    /// <summary>A bug of ours.</summary>
    Differs = 2,
}
