using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Entities.Intake;

/// <summary>Where one event comes from and what it wants: what the push says beside the event's own fields.</summary>
public readonly ref struct Provenance
{
    /// <summary>The producer's name, UTF-8 of at most <see cref="Domain.Limits.ProducerBytesMax"/> bytes; empty: none was named.</summary>
    public ReadOnlySpan<byte> Producer { get; init; }

    /// <summary>Insert, upsert or delete. A retraction is never asked for: the store makes it.</summary>
    public EventOperation Operation { get; init; }

    /// <summary>When the event arrived, as a producer says it that fills history in; null: now. The caller has made sure of the producer's right to say so.</summary>
    public EventTime? Arrival { get; init; }
}

/// <summary>What became of one event at the edge. The numbers, but for the last, are those of the wire's EventResult.</summary>
public enum IntakeResult : byte
{
    Accepted = 0,
    Duplicate = 1,

    /// <summary>In history, but at least one view does not take it (<see cref="IntakeNote.LateViews"/>), or it is too old to change any live value.</summary>
    Late = 2,
    Refused = 3,

    /// <summary>A correction: it is known once the batch has been appended, from <see cref="IntakeBatch.Corrections"/> at <see cref="IntakeNote.Correction"/>.</summary>
    Pending = 255,
}

/// <summary>What there is to say of one event beside its result. No field of it allocates unless the event is refused.</summary>
public readonly record struct IntakeNote
{
    /// <summary>Why the event was refused; null unless it was.</summary>
    public EventRefusal? Refusal { get; init; }

    /// <summary>The views that an event which is late does not count for, the strictest first. Empty for one that is merely too old for any live value.</summary>
    public ReadOnlyMemory<ViewLateness> LateViews { get; init; }

    /// <summary>Stream time when the event came, itself included, in microseconds; <see cref="EventRecord.NoStreamTime"/> unless it is in the log.</summary>
    public long StreamTimeMicros { get; init; }

    /// <summary>Where in <see cref="IntakeBatch.Corrections"/> the outcome of a pending event will be.</summary>
    public int Correction { get; init; }

    internal static IntakeNote Of(EventRefusal? refusal) => new() { Refusal = refusal, StreamTimeMicros = EventRecord.NoStreamTime };
}

/// <summary>What became of one correction: accepted, duplicate, late or refused, and the note that an insert gets at once.</summary>
public readonly record struct CorrectionOutcome(IntakeResult Result, IntakeNote Note);
