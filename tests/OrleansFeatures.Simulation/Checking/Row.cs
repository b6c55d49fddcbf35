namespace OrleansFeatures.Simulation.Checking;

/// <summary>An event's id within its stream: a number for orders, a text for visits.</summary>
internal readonly record struct EventKey(string Stream, long Number, string Text) : IComparable<EventKey>
{
    public static EventKey Of(string stream, Value id) => id.Type == FieldType.String ? new(stream, 0, id.Text) : new(stream, id.Int64, "");

    /// <summary>Numbers as numbers, texts as bytes: the order of events of one time.</summary>
    public int CompareTo(EventKey other) => Number != other.Number ? Number.CompareTo(other.Number) : string.CompareOrdinal(Text, other.Text);

    public override string ToString() => $"{Stream} {(Text.Length > 0 ? Text : Number)}";
}

/// <summary>One version of an event, as an entity knows it.</summary>
internal sealed record Row(EventKey Id, Value[] Fields, long Time, long Arrival, long StreamTime)
{
    /// <summary>When a correction of it arrived; null as long as it stands.</summary>
    public long? Until { get; set; }
}
