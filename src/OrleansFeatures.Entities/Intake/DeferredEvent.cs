using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Entities.Intake;

/// <summary>One event that a deferred batch has checked and keeps until its append.</summary>
/// <param name="stream">Its stream.</param>
/// <param name="version">The schema that its fields are by.</param>
/// <param name="fields">By position of the version.</param>
/// <param name="id">Its id, as the log's index of ids keeps it.</param>
public sealed class DeferredEvent(StreamPlan stream, StreamVersion version, Value[] fields, EventIdIndex.IdKey id)
{
    public StreamPlan Stream => stream;

    public StreamVersion Version => version;

    /// <summary>Of a delete only the id is looked at.</summary>
    public Value[] Fields => fields;

    public EventIdIndex.IdKey Id => id;

    public required byte[] Producer { get; init; }

    public required EventOperation Operation { get; init; }

    /// <summary>As the producer states it; null: when it is appended.</summary>
    public required EventTime? Arrival { get; init; }

    /// <summary>When the event happened; null of a delete, which does not say.</summary>
    public EventTime? Time => Operation == EventOperation.Delete ? null : new EventTime(fields[version.TimePosition].Bits);
}
