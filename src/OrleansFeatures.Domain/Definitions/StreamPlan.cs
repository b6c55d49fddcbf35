using System.Collections.Immutable;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Domain.Definitions;

/// <summary>
/// A stream as the store uses it: the newest version's fields by position, how records of older versions map onto them, and which entity
/// types an event of it concerns.
/// </summary>
public sealed class StreamPlan
{
    internal StreamPlan(ImmutableArray<StreamDefinition> versions)
    {
        Versions = [.. versions.OrderBy(version => version.Version).Select(version => new StreamVersion(version, Newest(versions)))];
        Definition = Newest(versions);
        Id = NameId.Of(Definition.Name);
        IdPosition = PositionOf(Definition.EventId);
        TimePosition = PositionOf(Definition.EventTime);
        HasTextIds = Definition.Fields[IdPosition].Type == FieldType.String;
    }

    /// <summary>The newest version.</summary>
    public StreamDefinition Definition { get; }

    public string Name => Definition.Name;

    /// <summary>The stream's number in records.</summary>
    public uint Id { get; }

    public ImmutableArray<FieldDefinition> Fields => Definition.Fields;

    public int IdPosition { get; }

    public int TimePosition { get; }

    public bool HasTextIds { get; }

    /// <summary>Every version that the log may hold, oldest first.</summary>
    public ImmutableArray<StreamVersion> Versions { get; }

    /// <summary>The entity types that this stream feeds, in definition order; the first one's copy of an event is the primary.</summary>
    public ImmutableArray<StreamFeed> Feeds { get; internal set; } = [];

    /// <summary>How far behind stream time an event may be and still change a live value: the longest retention of what the stream feeds.</summary>
    public Duration Retention { get; internal set; }

    /// <summary>
    /// Whether some feature over the stream counts events and not time (the last N, or all that ever came): then an event can change a value however late
    /// it comes, and <see cref="Retention"/> makes none too late.
    /// </summary>
    public bool NeverTooLate { get; internal set; }

    /// <summary>The views over this stream that allow so much lateness and no more, the strictest first. A view without a limit is absent.</summary>
    public ImmutableArray<ViewLateness> Lateness { get; internal set; } = [];

    /// <summary>Views over this stream, with a limit of lateness or without.</summary>
    public int Views { get; internal set; }

    /// <summary>
    /// How many of <see cref="Lateness"/>, from the first on, refuse an event that comes when stream time is so much ahead of it. One comparison for an event
    /// that nobody refuses. Where the result is <see cref="Views"/>, and that is not zero, no view takes the event.
    /// </summary>
    public int ViewsRefusing(long latenessMicros)
    {
        int refusing = 0;
        while (refusing < Lateness.Length && latenessMicros > Lateness[refusing].Allowed.Micros)
        {
            refusing++;
        }

        return refusing;
    }

    /// <summary>The version of that number; zero means the newest. Null when the stream has no such version.</summary>
    public StreamVersion? Version(int version)
    {
        // Newest first, because that is what nearly every record is of.
        for (int index = Versions.Length - 1; index >= 0; index--)
        {
            if (version == 0 || Versions[index].Definition.Version == version)
            {
                return Versions[index];
            }
        }

        return null;
    }

    public int PositionOf(string field) => StreamVersion.PositionOf(Definition, field);

    private static StreamDefinition Newest(ImmutableArray<StreamDefinition> versions) => versions.MaxBy(version => version.Version)!;
}

/// <summary>One version of a stream's schema, and where each of its fields stands in the newest one.</summary>
public sealed class StreamVersion
{
    internal StreamVersion(StreamDefinition definition, StreamDefinition newest)
    {
        Definition = definition;
        IdPosition = PositionOf(definition, definition.EventId);
        TimePosition = PositionOf(definition, definition.EventTime);
        ToNewest = [.. definition.Fields.Select(field => MapTo(newest, field))];
    }

    public StreamDefinition Definition { get; }

    public int IdPosition { get; }

    public int TimePosition { get; }

    /// <summary>By position in this version: the position in the newest version; -1 where the newest no longer has the field, or has it with another type.</summary>
    public ImmutableArray<int> ToNewest { get; }

    internal static int PositionOf(StreamDefinition definition, string field)
    {
        for (int position = 0; position < definition.Fields.Length; position++)
        {
            if (definition.Fields[position].Name == field)
            {
                return position;
            }
        }

        return -1;
    }

    private static int MapTo(StreamDefinition newest, FieldDefinition field)
    {
        int position = PositionOf(newest, field.Name);
        return position >= 0 && newest.Fields[position].Type == field.Type ? position : -1;
    }
}

/// <summary>A view, as references name it, and the greatest lateness that it allows: an event that comes exactly so late still counts.</summary>
public sealed record ViewLateness(string View, Duration Allowed);

/// <summary>An entity type that a stream feeds, and where its key stands among the stream's fields.</summary>
public sealed record StreamFeed(EntityPlan Entity, ImmutableArray<int> KeyPositions);

/// <summary>Names as numbers for records: the low half of the name's stable hash. The catalog refuses two names of one number.</summary>
public static class NameId
{
    public static uint Of(string name) => (uint)StableHash.Of(name);
}
