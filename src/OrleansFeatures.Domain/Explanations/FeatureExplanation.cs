using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;

namespace OrleansFeatures.Domain.Explanations;

/// <summary>
/// Why a version of an event does not count towards a value. Of several reasons one is told: that its time lies outside; else that it was not known, or superseded; else that it came too late;
/// else that it was filtered; else what the window itself leaves out; last that it has no value. The numbers are those on the wire.
/// </summary>
public enum Exclusion : byte
{
    /// <summary>It counts.</summary>
    None = 0,

    /// <summary>At or before the instant that the window begins behind; of a session, further back than it may last.</summary>
    BeforeWindow = 1,

    /// <summary>After the instant that the window ends with.</summary>
    AfterWindow = 2,

    /// <summary>A <c>where</c>, of the view or of the feature, is not true for it.</summary>
    Filtered = 3,

    /// <summary>In the window, but null in the field that is aggregated, grouped by or chosen by.</summary>
    NoValue = 4,

    /// <summary>It came later than the view allows.</summary>
    TooLate = 5,

    /// <summary>Another version took its place, or it was deleted.</summary>
    Superseded = 6,

    /// <summary>It arrived after the instant that is asked about.</summary>
    NotYetKnown = 7,

    /// <summary>Older than the last N that count.</summary>
    BeyondCount = 8,

    /// <summary>A pause longer than the gap lies between it and the instant asked for.</summary>
    OtherSession = 9,
}

/// <summary>Where a record lies: its offset in its partition, and its sequence in the log.</summary>
public readonly record struct RecordPlace(int Partition, long Offset, long Sequence);

/// <summary>One version of an event, and what became of it in one value.</summary>
/// <param name="Id">The event's id.</param>
/// <param name="Time">Its event time.</param>
/// <param name="Arrival">When it came.</param>
/// <param name="Operation">Insert, or upsert where it took another version's place.</param>
/// <param name="Exclusion">Whether it counts, and else why not.</param>
/// <param name="Value">Of the aggregated field; null where the aggregate takes no field, and for an event outside the window, which is not looked into.</param>
/// <param name="Place">Its record.</param>
/// <param name="SupersededBy">The sequence of the record that corrected it; -1 where none has.</param>
public sealed record ExplainedEvent(Value Id, EventTime Time, EventTime Arrival, EventOperation Operation, Exclusion Exclusion, Value Value, RecordPlace Place, long SupersededBy);

/// <summary>One feature's value, explained.</summary>
/// <param name="Feature">Which.</param>
/// <param name="AfterMicros">The window holds events from behind this instant; <see cref="long.MinValue"/> where it has no beginning.</param>
/// <param name="ThroughMicros">To this one, included.</param>
/// <param name="Recomputed">The value that the events of the window give by themselves.</param>
/// <param name="Counts">How many versions met each fate; those that nobody met are absent.</param>
/// <param name="Events">Those listed, the newest first.</param>
public sealed record FeatureExplanation(
    FeaturePlan Feature, long AfterMicros, long ThroughMicros, FeatureValue Recomputed, IReadOnlyDictionary<Exclusion, long> Counts, IReadOnlyList<ExplainedEvent> Events);

/// <summary>The window holds more events than an explanation may keep.</summary>
public sealed class ExplanationTooLongException(string feature, int eventsMax)
    : Exception($"the window of {feature} holds more than {eventsMax} events of this entity, too many to go through one by one; ask as of an earlier instant, or look at a feature with a shorter window");
