using System.Text;
using OrleansFeatures.Domain.Definitions;

namespace OrleansFeatures.Domain.Events;

/// <summary>Why an event cannot be taken, and what would make it acceptable. A value, not an exception: bad input is expected.</summary>
/// <param name="Field">The field at fault; empty for the event as a whole.</param>
/// <param name="Reason">What is wrong.</param>
/// <param name="Fix">What to do about it.</param>
public sealed record EventRefusal(string Field, string Reason, string Fix);

/// <summary>
/// The conditions under which an event may enter the log. Checked once, at the edge; everything behind relies on them.
/// </summary>
public static class EventCheck
{
    /// <summary>
    /// Null when the event may enter. <paramref name="fields"/> are by position of <paramref name="version"/>; each has its declared type or is null.
    /// </summary>
    public static EventRefusal? Refuse(StreamPlan stream, StreamVersion version, ReadOnlySpan<Value> fields)
    {
        long textBytes = 0;
        for (int position = 0; position < fields.Length; position++)
        {
            ref readonly Value value = ref fields[position];
            if (value.Type == FieldType.Double && !double.IsFinite(value.Double))
            {
                return new EventRefusal(NameOf(version, position), $"{value} is not a finite number", "send a finite number, or leave the field out");
            }

            if (value.Type == FieldType.Timestamp && position != version.TimePosition && value.Bits is < Limits.TimestampMinMicros or > Limits.TimestampMaxMicros)
            {
                return new EventRefusal(NameOf(version, position), $"{value} is not between the years 1 and 9999", "send microseconds since 1970 in UTC, or RFC 3339; check the producer's unit");
            }

            if (value.Type == FieldType.String)
            {
                int length = Encoding.UTF8.GetByteCount(value.Text);
                textBytes += length;
                if (length > Limits.FieldBytesMax)
                {
                    return new EventRefusal(NameOf(version, position), $"{length} bytes of text are over the limit of {Limits.FieldBytesMax}", "shorten it, or send a hash of it");
                }
            }
        }

        if (textBytes > Limits.RecordBytesMax / 2)
        {
            return new EventRefusal("", $"{textBytes} bytes of text are over the limit of {Limits.RecordBytesMax / 2} for one event", "shorten the text fields");
        }

        return RefuseTime(version, fields[version.TimePosition])
            ?? RefuseKey(version, version.IdPosition, fields, "every event needs an id: it is what makes a retry safe")
            ?? RefuseEntityKeys(stream, version, fields);
    }

    /// <summary>The same for a delete, of which only the id counts.</summary>
    public static EventRefusal? RefuseDelete(StreamVersion version, ReadOnlySpan<Value> fields) =>
        RefuseKey(version, version.IdPosition, fields, "a delete needs the id of the event that it takes back");

    /// <summary>Null when a producer may state this arrival; <paramref name="now"/> is the store's clock.</summary>
    public static EventRefusal? RefuseArrival(EventTime arrival, EventTime now)
    {
        if (arrival > now)
        {
            return new EventRefusal("arrival_time", $"the stated arrival {Describe(arrival.Micros)} is after now, {now}", "state when the event arrived, which is in the past, or leave it out; check the producer's clock and unit");
        }

        return arrival.Micros < Limits.EventTimeMinMicros
            ? new EventRefusal("arrival_time", $"the stated arrival {Describe(arrival.Micros)} is before 1970-01-01", "send microseconds since 1970 in UTC, or RFC 3339")
            : null;
    }

    /// <summary>Null unless the event happened much later than it came, which no clock that is right can say.</summary>
    public static EventRefusal? RefuseAhead(StreamVersion version, ReadOnlySpan<Value> fields, EventTime arrival)
    {
        long time = fields[version.TimePosition].Bits;
        return time - arrival.Micros > Limits.EventAheadMaxMicros
            ? new EventRefusal(NameOf(version, version.TimePosition), $"{Describe(time)} is more than a day after the event's arrival at {arrival}", "check the producer's clock and unit; a producer that fills history in states the arrival")
            : null;
    }

    private static EventRefusal? RefuseTime(StreamVersion version, in Value time)
    {
        string name = NameOf(version, version.TimePosition);
        if (time.IsNull)
        {
            return new EventRefusal(name, "the event has no event time", "send the time at which it happened");
        }

        return time.Bits is < Limits.EventTimeMinMicros or >= Limits.EventTimeMaxMicros
            ? new EventRefusal(name, $"{Describe(time.Bits)} is not between 1970-01-01 and 2100-01-01", "send microseconds since 1970 in UTC, or RFC 3339; check the producer's unit")
            : null;
    }

    private static EventRefusal? RefuseEntityKeys(StreamPlan stream, StreamVersion version, ReadOnlySpan<Value> fields)
    {
        foreach (StreamFeed feed in stream.Feeds)
        {
            foreach (int newest in feed.KeyPositions)
            {
                int position = version.ToNewest.IndexOf(newest);
                if (position < 0)
                {
                    return new EventRefusal(stream.Fields[newest].Name, $"schema version {version.Definition.Version} lacks this key of entity '{feed.Entity.Name}'", "send a newer schema version");
                }

                if (RefuseKey(version, position, fields, $"it is the key of entity '{feed.Entity.Name}'") is { } refusal)
                {
                    return refusal;
                }
            }
        }

        return null;
    }

    private static EventRefusal? RefuseKey(StreamVersion version, int position, ReadOnlySpan<Value> fields, string why)
    {
        ref readonly Value value = ref fields[position];
        if (value.IsNull || (value.Type == FieldType.String && value.Text.Length == 0))
        {
            return new EventRefusal(NameOf(version, position), "it is missing or empty", $"send it; {why}");
        }

        return value.Type == FieldType.String && Encoding.UTF8.GetByteCount(value.Text) > Limits.KeyBytesMax
            ? new EventRefusal(NameOf(version, position), $"a key of more than {Limits.KeyBytesMax} bytes", "shorten it, or send a hash of it")
            : null;
    }

    private static string NameOf(StreamVersion version, int position) => version.Definition.Fields[position].Name;

    /// <summary>A time that may lie outside what a calendar can print.</summary>
    private static string Describe(long micros) =>
        micros is > -2_000_000_000_000_000 and < 200_000_000_000_000_000 ? new EventTime(micros).ToString() : $"{micros} us";
}
