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
    private EventOperation _operation;
    private (int At, int Length) _id;
    private int _bodyLength;
    private int _headLength;

    /// <summary>What every copy shares.</summary>
    public ReadOnlySpan<byte> Body => _body.AsSpan(0, _bodyLength);

    /// <summary>What comes before the body in the copy last begun.</summary>
    public ReadOnlySpan<byte> Head => _head.AsSpan(0, _headLength);

    /// <summary>The entity key of the copy last begun.</summary>
    public ReadOnlySpan<byte> Key => _head.AsSpan(EventRecord.HeadBytes, _headLength - EventRecord.HeadBytes);

    /// <summary>Encodes the event's body. <paramref name="fields"/> are by position of <paramref name="version"/>.</summary>
    public void WriteBody(StreamPlan stream, StreamVersion version, ReadOnlySpan<Value> fields, in EventArrival arrival, ReadOnlySpan<byte> producer)
    {
        _version = version;
        _operation = arrival.Operation;
        _streamId = stream.Id;
        Span<byte> body = _body;
        BinaryPrimitives.WriteInt64LittleEndian(body, fields[version.TimePosition].Bits);
        BinaryPrimitives.WriteInt64LittleEndian(body[8..], arrival.Arrival.Micros);
        BinaryPrimitives.WriteInt64LittleEndian(body[16..], arrival.StreamTimeMicros);
        int at = 24;
        if (arrival.Operation != EventOperation.Insert)
        {
            BinaryPrimitives.WriteInt64LittleEndian(body[at..], arrival.Previous.TimeMicros);
            BinaryPrimitives.WriteInt64LittleEndian(body[(at + 8)..], arrival.Previous.LogSequence);
            at += 16;
        }

        body[at++] = (byte)producer.Length;
        producer.CopyTo(body[at..]);
        at += producer.Length;
        int idLength = WriteId(body[at..], fields[version.IdPosition]);
        _id = (HasTextId ? at + 2 : at, HasTextId ? idLength - 2 : idLength);
        at += idLength;
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
    /// <remarks>The copy has the body's operation, unless it is a retraction: the copy of an upsert for an entity that the event no longer concerns.</remarks>
    public void WriteHead(StreamFeed feed, StreamVersion version, ReadOnlySpan<Value> fields, bool primary, bool retracts = false)
    {
        int at = EventRecord.HeadBytes;
        foreach (int newest in feed.KeyPositions)
        {
            at += EntityKeyEncoding.Append(_head.AsSpan(at), fields[version.ToNewest.IndexOf(newest)]);
        }

        FinishHead(new RecordHead(EventRecord.NewestFormat, _streamId, feed.Entity.Id, version.Definition.Version, primary, HasTextId, retracts ? EventOperation.Retract : _operation), at);
    }

    /// <summary>
    /// Begins another copy of an event that is in the log already, for an entity type that it has none for. <paramref name="newestFields"/> are by position in
    /// the stream's newest version; the body is the original's.
    /// </summary>
    public void WriteCopyHead(in EventRecord original, StreamFeed feed, ReadOnlySpan<Value> newestFields, bool retracts = false)
    {
        int at = EventRecord.HeadBytes;
        foreach (int position in feed.KeyPositions)
        {
            at += EntityKeyEncoding.Append(_head.AsSpan(at), newestFields[position]);
        }

        FinishHead(new RecordHead(original.Format, original.StreamId, feed.Entity.Id, original.SchemaVersion, Primary: false, original.HasTextId, retracts ? EventOperation.Retract : original.Operation), at);
    }

    /// <summary>Begins the one copy of an event that concerns no entity type yet: history keeps it for views to come. Its key is its id's bytes.</summary>
    public void WriteHistoryHead()
    {
        ReadOnlySpan<byte> id = _body.AsSpan(_id.At, _id.Length);
        id.CopyTo(_head.AsSpan(EventRecord.HeadBytes));
        FinishHead(new RecordHead(EventRecord.NewestFormat, _streamId, EventRecord.NoEntity, _version!.Definition.Version, Primary: true, HasTextId, _operation), EventRecord.HeadBytes + id.Length);
    }

    private bool HasTextId => _version!.Definition.Fields[_version.IdPosition].Type == FieldType.String;

    private void FinishHead(RecordHead values, int length)
    {
        Span<byte> head = _head;
        head[0] = values.Format;
        head[1] = (byte)((values.Primary ? EventRecord.PrimaryFlag : 0) | (values.HasTextId ? EventRecord.TextIdFlag : 0) | ((int)values.Operation << EventRecord.OperationShift));
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

    private readonly record struct RecordHead(byte Format, uint StreamId, uint EntityTypeId, int SchemaVersion, bool Primary, bool HasTextId, EventOperation Operation);
}
