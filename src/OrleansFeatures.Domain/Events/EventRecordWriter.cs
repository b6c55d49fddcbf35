using System.Buffers.Binary;
using System.Text;
using OrleansFeatures.Domain.Definitions;

namespace OrleansFeatures.Domain.Events;

/// <summary>
/// Encodes one event into record bytes: the body once, then a head for each entity that the event concerns. Not thread-safe; reused from
/// event to event. The event has been checked (<see cref="EventCheck"/>), so that everything fits.
/// </summary>
public sealed class EventRecordWriter
{
    private readonly byte[] _body = new byte[Limits.RecordBytesMax];
    private readonly byte[] _head = new byte[EventRecord.HeadBytes + EntityKeyEncoding.BytesMax];
    private StreamVersion? _version;
    private uint _streamId;
    private int _bodyLength;
    private int _headLength;

    /// <summary>What every copy shares.</summary>
    public ReadOnlySpan<byte> Body => _body.AsSpan(0, _bodyLength);

    /// <summary>What comes before the body in the copy last begun.</summary>
    public ReadOnlySpan<byte> Head => _head.AsSpan(0, _headLength);

    /// <summary>The entity key of the copy last begun.</summary>
    public ReadOnlySpan<byte> Key => _head.AsSpan(EventRecord.HeadBytes, _headLength - EventRecord.HeadBytes);

    /// <summary>Encodes the event's body. <paramref name="fields"/> are by position of <paramref name="version"/>.</summary>
    public void WriteBody(StreamPlan stream, StreamVersion version, ReadOnlySpan<Value> fields, EventTime arrival, ReadOnlySpan<byte> producer)
    {
        _version = version;
        _streamId = stream.Id;
        Span<byte> body = _body;
        BinaryPrimitives.WriteInt64LittleEndian(body, fields[version.TimePosition].Bits);
        BinaryPrimitives.WriteInt64LittleEndian(body[8..], arrival.Micros);
        body[16] = (byte)producer.Length;
        producer.CopyTo(body[17..]);
        int at = 17 + producer.Length;
        at += WriteId(body[at..], fields[version.IdPosition]);
        Span<byte> nulls = body.Slice(at, (fields.Length + 7) / 8);
        nulls.Clear();
        at += nulls.Length;
        for (int position = 0; position < fields.Length; position++)
        {
            if (fields[position].IsNull)
            {
                nulls[position >> 3] |= (byte)(1 << (position & 7));
            }
            else if (position != version.IdPosition && position != version.TimePosition)
            {
                at += WriteField(body[at..], fields[position]);
            }
        }

        _bodyLength = at;
    }

    /// <summary>
    /// Begins the copy for one entity type: encodes the head with the key that the event's fields give. <paramref name="fields"/> are by position of
    /// <paramref name="version"/>, which is the body's.
    /// </summary>
    public void WriteHead(StreamFeed feed, StreamVersion version, ReadOnlySpan<Value> fields, bool primary)
    {
        int at = EventRecord.HeadBytes;
        foreach (int newest in feed.KeyPositions)
        {
            at += EntityKeyEncoding.Append(_head.AsSpan(at), fields[version.ToNewest.IndexOf(newest)]);
        }

        FinishHead(new RecordHead(_streamId, feed.Entity.Id, version.Definition.Version, primary, HasTextId), at);
    }

    /// <summary>
    /// Begins another copy of an event that is in the log already, for an entity type that it has none for. <paramref name="newestFields"/> are by position in
    /// the stream's newest version; the body is the original's.
    /// </summary>
    public void WriteCopyHead(in EventRecord original, StreamFeed feed, ReadOnlySpan<Value> newestFields)
    {
        int at = EventRecord.HeadBytes;
        foreach (int position in feed.KeyPositions)
        {
            at += EntityKeyEncoding.Append(_head.AsSpan(at), newestFields[position]);
        }

        FinishHead(new RecordHead(original.StreamId, feed.Entity.Id, original.SchemaVersion, Primary: false, original.HasTextId), at);
    }

    /// <summary>Begins the one copy of an event that concerns no entity type yet: history keeps it for views to come. Its key is its id's bytes.</summary>
    public void WriteHistoryHead()
    {
        int producerLength = _body[16];
        ReadOnlySpan<byte> id = HasTextId
            ? _body.AsSpan(17 + producerLength + 2, BinaryPrimitives.ReadUInt16LittleEndian(_body.AsSpan(17 + producerLength)))
            : _body.AsSpan(17 + producerLength, sizeof(long));
        id.CopyTo(_head.AsSpan(EventRecord.HeadBytes));
        FinishHead(new RecordHead(_streamId, EventRecord.NoEntity, _version!.Definition.Version, Primary: true, HasTextId), EventRecord.HeadBytes + id.Length);
    }

    private bool HasTextId => _version!.Definition.Fields[_version.IdPosition].Type == FieldType.String;

    private void FinishHead(RecordHead values, int length)
    {
        Span<byte> head = _head;
        head[0] = EventRecord.Format;
        head[1] = (byte)((values.Primary ? EventRecord.PrimaryFlag : 0) | (values.HasTextId ? EventRecord.TextIdFlag : 0));
        BinaryPrimitives.WriteUInt16LittleEndian(head[2..], (ushort)values.SchemaVersion);
        BinaryPrimitives.WriteUInt32LittleEndian(head[4..], values.StreamId);
        BinaryPrimitives.WriteUInt32LittleEndian(head[8..], values.EntityTypeId);
        BinaryPrimitives.WriteUInt16LittleEndian(head[12..], (ushort)(length - EventRecord.HeadBytes));
        _headLength = length;
    }

    private static int WriteId(Span<byte> destination, in Value id)
    {
        if (id.Type != FieldType.String)
        {
            BinaryPrimitives.WriteInt64LittleEndian(destination, id.Int64);
            return sizeof(long);
        }

        int length = Encoding.UTF8.GetBytes(id.Text, destination[2..]);
        BinaryPrimitives.WriteUInt16LittleEndian(destination, (ushort)length);
        return 2 + length;
    }

    private static int WriteField(Span<byte> destination, in Value value)
    {
        switch (value.Type)
        {
            case FieldType.Bool:
                destination[0] = value.Bool ? (byte)1 : (byte)0;
                return 1;
            case FieldType.String:
                int length = Encoding.UTF8.GetBytes(value.Text, destination[4..]);
                BinaryPrimitives.WriteInt32LittleEndian(destination, length);
                return 4 + length;
            default:
                BinaryPrimitives.WriteInt64LittleEndian(destination, value.Bits);
                return sizeof(long);
        }
    }

    private readonly record struct RecordHead(uint StreamId, uint EntityTypeId, int SchemaVersion, bool Primary, bool HasTextId);
}
