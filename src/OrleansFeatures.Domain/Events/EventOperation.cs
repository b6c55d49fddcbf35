namespace OrleansFeatures.Domain.Events;

/// <summary>What a record does to the events of its entity. The numbers are those in the record.</summary>
public enum EventOperation : byte
{
    /// <summary>A new event.</summary>
    Insert = 0,

    /// <summary>Replaces the event of its id, which may have had another time and other values; a new event where there is none.</summary>
    Upsert = 1,

    /// <summary>Takes the event of its id back.</summary>
    Delete = 2,

    /// <summary>The copy of an upsert for the entity that the event concerned before: takes it back there.</summary>
    Retract = 3,
}

/// <summary>Which version of an event a correction replaces: its event time, by which its entity finds it, and where in the log its primary copy is. Both -1 where there is none.</summary>
public readonly record struct EventVersion(long TimeMicros, long LogSequence)
{
    public static readonly EventVersion None = new(-1, -1);
}

/// <summary>What the store knows of an event that the event does not say itself.</summary>
/// <param name="Arrival">When it came.</param>
/// <param name="StreamTimeMicros">
/// Stream time then, the event itself included. Of a correction the stream time of the version that it replaces: how late an event is was decided when it first came, and
/// a correction says what it should have been then.
/// </param>
/// <param name="Operation">Insert, upsert or delete.</param>
/// <param name="Previous">What it corrects; <see cref="EventVersion.None"/> for an insert.</param>
public readonly record struct EventArrival(EventTime Arrival, long StreamTimeMicros, EventOperation Operation, EventVersion Previous)
{
    public static EventArrival Insert(EventTime arrival, long streamTimeMicros = EventRecord.NoStreamTime) => new(arrival, streamTimeMicros, EventOperation.Insert, EventVersion.None);
}
