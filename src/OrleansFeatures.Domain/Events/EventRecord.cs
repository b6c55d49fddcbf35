using System.Buffers.Binary;
using System.Text;
using OrleansFeatures.Domain.Definitions;

namespace OrleansFeatures.Domain.Events;

/// <summary>
/// One copy of an event as the log keeps it: what happened, and the entity this copy is for. Live application and replay both read these
/// bytes, and nothing else, so they cannot differ. A view over the log's buffer: valid only as long as that is.
/// </summary>
/// <remarks>
/// <code>
/// offset  size
///      0     1  format, 2
///      1     1  flags: bit 0 primary copy (raw history is the primaries), bit 1 text id, bits 2 and 3 operation,
///                bit 4 the version that it corrects did not concern this entity
///      2     2  schema version            integers little-endian
///      4     4  stream number             (NameId)
///      8     4  entity type number        (NameId); 0: none yet, the key is then the id's bytes
///     12     2  length of the entity key
///     14     k  entity key                (EntityKeyEncoding)
///            8  event time, microseconds
///            8  arrival time, microseconds
///            8  stream time when it came, microseconds; the smallest int64 where there was none      (not in format 1)
///           16  unless an insert: event time and log sequence of the version that it corrects        (not in format 1)
///            1  length of the producer's name, then its UTF-8
///            8  event id; or, with flag bit 1, 2 bytes length and UTF-8
///            n  null bitmap over the schema's fields by position, (fields + 7) / 8 bytes
///               each field that is not null, not the id and not the time, by position:
///               int64, double, timestamp 8 bytes; bool 1 byte; string 4 bytes length and UTF-8
/// </code>
/// docs/log-format.md repeats this drawing.
/// </remarks>
public readonly ref partial struct EventRecord
{
    /// <summary>What is written; format 1 is read as well.</summary>
    internal const byte NewestFormat = 2;
    internal const byte FirstFormat = 1;
    internal const int HeadBytes = 14;
    internal const byte PrimaryFlag = 1;
    internal const byte TextIdFlag = 2;
    internal const byte NewHereFlag = 16;
    internal const int OperationShift = 2;
    internal const int OperationMask = 3;

    /// <summary>The entity type number of an event that concerned no entity type when it came.</summary>
    public const uint NoEntity = 0;

    private EventRecord(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < HeadBytes || bytes[0] is not (FirstFormat or NewestFormat))
        {
            throw new InvariantException($"a record of {bytes.Length} bytes has format {(bytes.Length > 0 ? bytes[0] : -1)}; this version reads formats {FirstFormat} and {NewestFormat}");
        }

        Format = bytes[0];
        IsPrimary = (bytes[1] & PrimaryFlag) != 0;
        Operation = (EventOperation)((bytes[1] >> OperationShift) & OperationMask);
        IsNewHere = (bytes[1] & NewHereFlag) != 0;
        SchemaVersion = BinaryPrimitives.ReadUInt16LittleEndian(bytes[2..]);
        StreamId = BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]);
        EntityTypeId = BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]);
        int keyLength = BinaryPrimitives.ReadUInt16LittleEndian(bytes[12..]);
        bool corrects = Format > FirstFormat && Operation != EventOperation.Insert;
        int at = (Format > FirstFormat ? 3 : 2) * sizeof(long);
        int producerAt = at + (corrects ? 2 * sizeof(long) : 0);
        Require(bytes.Length > HeadBytes + keyLength + producerAt, bytes, "before its producer");
        Key = bytes.Slice(HeadBytes, keyLength);
        Body = bytes[(HeadBytes + keyLength)..];
        Time = new EventTime(BinaryPrimitives.ReadInt64LittleEndian(Body));
        Arrival = new EventTime(BinaryPrimitives.ReadInt64LittleEndian(Body[8..]));
        StreamTimeMicros = Format > FirstFormat ? BinaryPrimitives.ReadInt64LittleEndian(Body[16..]) : NoStreamTime;
        Previous = corrects ? new EventVersion(BinaryPrimitives.ReadInt64LittleEndian(Body[at..]), BinaryPrimitives.ReadInt64LittleEndian(Body[(at + sizeof(long))..])) : default;
        HasTextId = (bytes[1] & TextIdFlag) != 0;
        Require(Body.Length >= producerAt + 1 + Body[producerAt] + (HasTextId ? 2 : sizeof(long)), bytes, "before its id");
        Producer = Body.Slice(producerAt + 1, Body[producerAt]);
        ReadOnlySpan<byte> rest = Body[(producerAt + 1 + Producer.Length)..];
        IdNumber = HasTextId ? 0 : BinaryPrimitives.ReadInt64LittleEndian(rest);
        Require(!HasTextId || rest.Length >= 2 + BinaryPrimitives.ReadUInt16LittleEndian(rest), bytes, "inside its id");
        IdText = HasTextId ? rest.Slice(2, BinaryPrimitives.ReadUInt16LittleEndian(rest)) : default;
        Fields = rest[(HasTextId ? 2 + IdText.Length : sizeof(long))..];
    }

    /// <summary>Stream time of a record that came before any other, or was written by format 1.</summary>
    public const long NoStreamTime = long.MinValue;

    internal byte Format { get; }

    public bool IsPrimary { get; }

    public EventOperation Operation { get; }

    /// <summary>Stream time when the event came, itself included: how late it was can still be told in a replay.</summary>
    public long StreamTimeMicros { get; }

    /// <summary>The version of the event that this record corrects. Unless an insert.</summary>
    public EventVersion Previous { get; }

    /// <summary>Whether the version that it corrects did not concern this entity, so that there is nothing to take back.</summary>
    public bool IsNewHere { get; }

    public int SchemaVersion { get; }

    public uint StreamId { get; }

    public uint EntityTypeId { get; }

    /// <summary>The entity's key (<see cref="EntityKeyEncoding"/>).</summary>
    public ReadOnlySpan<byte> Key { get; }

    /// <summary>Everything behind the key: the same bytes in every copy of the event.</summary>
    public ReadOnlySpan<byte> Body { get; }

    public EventTime Time { get; }

    public EventTime Arrival { get; }

    /// <summary>UTF-8; empty when the push named none.</summary>
    public ReadOnlySpan<byte> Producer { get; }

    public bool HasTextId { get; }

    /// <summary>The id where it is a number.</summary>
    public long IdNumber { get; }

    /// <summary>The id's UTF-8 where it is text.</summary>
    public ReadOnlySpan<byte> IdText { get; }

    internal ReadOnlySpan<byte> Fields { get; }

    /// <exception cref="InvariantException">The bytes are of another format, or end too early; so says whoever reads fields that are not there. (Damage is found earlier, by the log's checksums.)</exception>
    public static EventRecord Parse(ReadOnlySpan<byte> bytes) => new(bytes);

    /// <summary>Which entity a record is for, without reading the rest.</summary>
    public static ReadOnlySpan<byte> EntityOf(ReadOnlySpan<byte> record, out uint entityTypeId)
    {
        Require(record.Length >= HeadBytes && record.Length >= HeadBytes + BinaryPrimitives.ReadUInt16LittleEndian(record[12..]), record, "inside its key");
        entityTypeId = BinaryPrimitives.ReadUInt32LittleEndian(record[8..]);
        return record.Slice(HeadBytes, BinaryPrimitives.ReadUInt16LittleEndian(record[12..]));
    }

    /// <summary>
    /// Fills <paramref name="values"/> with the fields by position in the stream's newest version; fields that this record's version does not
    /// have are null. Strings are made only for positions set in <paramref name="texts"/>; every other string reads as null.
    /// </summary>
    public void ReadFields(StreamPlan stream, ReadOnlySpan<bool> texts, Span<Value> values)
    {
        StreamVersion version = stream.Version(SchemaVersion)
            ?? throw new InvariantException($"a record of stream '{stream.Name}' has schema version {SchemaVersion}, which the definitions no longer hold");
        values.Clear();
        var fields = version.Definition.Fields;
        ReadOnlySpan<byte> nulls = Fields;
        Require(nulls.Length >= (fields.Length + 7) / 8, nulls, "inside its nulls");
        ReadOnlySpan<byte> rest = Fields[((fields.Length + 7) / 8)..];
        for (int position = 0; position < fields.Length; position++)
        {
            int target = version.ToNewest[position];
            Value value;
            if (position == version.IdPosition)
            {
                value = fields[position].Type == FieldType.Int64 ? Value.Of(IdNumber) : target >= 0 && texts[target] ? Value.Of(Encoding.UTF8.GetString(IdText)) : Value.Null;
            }
            else if (position == version.TimePosition)
            {
                value = Value.Of(Time);
            }
            else if ((nulls[position >> 3] & (1 << (position & 7))) != 0)
            {
                continue;
            }
            else
            {
                value = ReadField(fields[position].Type, ref rest, target >= 0 && texts[target]);
            }

            if (target >= 0)
            {
                values[target] = value;
            }
        }
    }

    private static Value ReadField(FieldType type, ref ReadOnlySpan<byte> rest, bool wantText)
    {
        Value value;
        int length;
        RequireField(type, rest);
        switch (type)
        {
            case FieldType.Bool:
                value = Value.Of(rest[0] != 0);
                length = 1;
                break;
            case FieldType.String:
                int bytes = BinaryPrimitives.ReadInt32LittleEndian(rest);
                value = wantText ? Value.Of(Encoding.UTF8.GetString(rest.Slice(4, bytes))) : Value.Null;
                length = 4 + bytes;
                break;
            default:
                value = Value.FromBits(type, BinaryPrimitives.ReadInt64LittleEndian(rest));
                length = sizeof(long);
                break;
        }

        rest = rest[length..];
        return value;
    }

    /// <summary>Whether the field that begins here lies wholly in the bytes.</summary>
    private static void RequireField(FieldType type, ReadOnlySpan<byte> rest)
    {
        int least = type switch { FieldType.Bool => 1, FieldType.String => sizeof(int), _ => sizeof(long) };
        Require(rest.Length >= least && (type != FieldType.String || (uint)BinaryPrimitives.ReadInt32LittleEndian(rest) <= (uint)(rest.Length - sizeof(int))), rest, "inside a field");
    }

    private static void Require(bool holds, ReadOnlySpan<byte> bytes, string where)
    {
        if (!holds)
        {
            ThrowTooShort(bytes.Length, where);
        }
    }

    private static void ThrowTooShort(int length, string where) => throw new InvariantException($"a record, or the rest of it, of {length} bytes ends {where}");
}
