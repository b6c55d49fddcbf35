namespace OrleansFeatures.Postgres.Upstream;

/// <summary>One partition of one hub upstream: a source of events.</summary>
/// <param name="Hub">The hub's name, as configured.</param>
/// <param name="Partition">The partition's, as the hub names it.</param>
public readonly record struct UpstreamPartition(string Hub, string Partition)
{
    /// <summary>As the key of its stream and its grain. A hub's name holds no slash.</summary>
    public override string ToString() => $"{Hub}/{Partition}";

    /// <exception cref="FormatException">The text has no slash.</exception>
    public static UpstreamPartition Parse(string text)
    {
        int slash = text.LastIndexOf('/');
        return slash > 0 ? new(text[..slash], text[(slash + 1)..]) : throw new FormatException($"'{text}' does not name a hub's partition: write hub/partition");
    }
}

/// <summary>An event's place in its hub's partition. Places are compared by number; where to begin reading is said by the offset, which is text to everybody but the hub.</summary>
/// <param name="Sequence">Grows from event to event.</param>
/// <param name="Offset">Where the hub finds the event.</param>
public readonly record struct UpstreamPosition(long Sequence, string Offset);
