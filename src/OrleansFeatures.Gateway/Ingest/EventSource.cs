using System.Text.Json;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities.Intake;

namespace OrleansFeatures.Gateway.Ingest;

/// <summary>
/// The events of one push, whatever form they came in: columns, rows, JSON. Bound to a schema version once, then read one event at a time
/// into the same array of values. Used by one thread.
/// </summary>
public abstract class EventSource
{
    /// <summary>The stream's name, as the request gives it.</summary>
    public abstract string Stream { get; }

    /// <summary>Zero means the newest.</summary>
    public abstract uint SchemaVersion { get; }

    public abstract int Count { get; }

    /// <summary>Whether it came as a push, which is admitted as one, or with a call of another class.</summary>
    public virtual bool IsPush => true;

    /// <summary>Matches what came with the schema. Call once, before <see cref="Read"/>.</summary>
    /// <exception cref="RequestRefusedException">The request contradicts the schema as a whole.</exception>
    public abstract void Bind(StreamVersion version);

    /// <summary>Who observed event <paramref name="index"/>, what it does, when it arrived. Null, or why that cannot be.</summary>
    public abstract EventRefusal? ReadProvenance(int index, out Provenance provenance);

    /// <summary>
    /// Writes event <paramref name="index"/> into <paramref name="fields"/>, by position of the bound version, each of its declared type or null. Positions that the
    /// source never fills are left as they are: the caller hands in an array of nulls. With <paramref name="idOnly"/> only the event's id is looked at, and everything else becomes
    /// null. Null, or why this event cannot be read.
    /// </summary>
    public abstract EventRefusal? Read(int index, bool idOnly, Span<Value> fields);

    /// <summary>Writes the event as it came, as one JSON object, for the quarantine.</summary>
    public abstract void WriteJson(int index, Utf8JsonWriter writer);
}
