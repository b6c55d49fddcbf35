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
    private uint _streamId;
    private int _schemaVersion;
    private bool _hasTextId;
    private EventOperation _operation;
    private (int At, int Length) _id;
    private int _contentAt;
    private int _bodyLength;
    private int _headLength;

    /// <summary>What every copy shares.</summary>
    public ReadOnlySpan<byte> Body => _body.AsSpan(0, _bodyLength);

    /// <summary>What comes before the body in the copy last begun.</summary>
    public ReadOnlySpan<byte> Head => _head.AsSpan(0, _headLength);

    /// <summary>The entity key of the copy last begun.</summary>
    public ReadOnlySpan<byte> Key => _head.AsSpan(EventRecord.HeadBytes, _headLength - EventRecord.HeadBytes);

    /// <summary>The operation of the body.</summary>
    public EventOperation Operation => _operation;

    /// <summary>Encodes the event's body. <paramref name="fields"/> are by position of <paramref name="version"/>.</summary>
    public void WriteBody(StreamPlan stream, StreamVersion version, ReadOnlySpan<Value> fields, in EventArrival arrival, ReadOnlySpan<byte> producer)
    {
        (_streamId, _schemaVersion) = (stream.Id, version.Definition.Version);
        _hasTextId = version.Definition.Fields[version.IdPosition].Type == FieldType.String;
        Span<byte> body = _body;
        int at = WriteBodyHead(fields[version.TimePosition].Bits, arrival, producer);
        int idLength = WriteId(body[at..], fields[version.IdPosition]);
        _id = (_hasTextId ? at + 2 : at, _hasTextId ? idLength - 2 : idLength);
        _contentAt = at += idLength;
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

    /// <summary>Encodes the body of a delete: the version that it takes back, field by field, with the arrival of the delete.</summary>
    public void WriteBodyOf(in EventRecord previous, in EventArrival arrival, ReadOnlySpan<byte> producer)
    {
        (_streamId, _schemaVersion, _hasTextId) = (previous.StreamId, previous.SchemaVersion, previous.HasTextId);
        int at = WriteBodyHead(previous.Time.Micros, arrival, producer);
        int idLength = _hasTextId ? 2 + previous.IdText.Length : sizeof(long);
        ReadOnlySpan<byte> idAndContent = previous.Body[^(idLength + previous.Fields.Length)..];
        idAndContent.CopyTo(_body.AsSpan(at));
        _id = (_hasTextId ? at + 2 : at, _hasTextId ? idLength - 2 : idLength);
        _contentAt = at + idLength;
        _bodyLength = at + idAndContent.Length;
    }

    /// <summary>Whether the body says of its event what this record says: same schema version, time and fields. Who sent it and when does not count.</summary>
    public bool SaysTheSameAs(in EventRecord record) =>
        _schemaVersion == record.SchemaVersion
        && BinaryPrimitives.ReadInt64LittleEndian(_body) == record.Time.Micros
        && _body.AsSpan(_contentAt.._bodyLength).SequenceEqual(record.Fields);

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

        FinishHead(HeadOf(feed.Entity.Id, primary, _operation), at);
    }

    /// <summary>
    /// Begins the copy for one entity whose key is known. It has the body's operation, unless it is a retraction: the copy of an upsert for an entity that the
    /// event no longer concerns.
    /// </summary>
    /// <param name="feed">The entity's type.</param>
    /// <param name="key">Its key.</param>
    /// <param name="primary">Whether this is the copy that raw history keeps.</param>
    /// <param name="retracts">Whether the event no longer concerns the entity.</param>
    /// <param name="isNewHere">Whether the version before did not concern the entity.</param>
    public void WriteHead(StreamFeed feed, ReadOnlySpan<byte> key, bool primary, bool retracts = false, bool isNewHere = false)
    {
        key.CopyTo(_head.AsSpan(EventRecord.HeadBytes));
        FinishHead(HeadOf(feed.Entity.Id, primary, retracts ? EventOperation.Retract : _operation) with { IsNewHere = isNewHere }, EventRecord.HeadBytes + key.Length);
    }

    /// <summary>
    /// Begins another copy of an event that is in the log already, for an entity that it has none for. The body is the original's.
    /// </summary>
    public void WriteCopyHead(in EventRecord original, StreamFeed feed, ReadOnlySpan<byte> key, bool retracts = false, bool isNewHere = false)
    {
        key.CopyTo(_head.AsSpan(EventRecord.HeadBytes));
        EventOperation operation = retracts ? EventOperation.Retract : original.Operation;
        FinishHead(new RecordHead(original.Format, original.StreamId, feed.Entity.Id, original.SchemaVersion, Primary: false, original.HasTextId, operation) { IsNewHere = isNewHere }, EventRecord.HeadBytes + key.Length);
    }

    /// <summary>Begins the one copy of an event that concerns no entity: history keeps it, for views to come or for its id. Its key is its id's bytes.</summary>
    public void WriteHistoryHead()
    {
        ReadOnlySpan<byte> id = _body.AsSpan(_id.At, _id.Length);
        id.CopyTo(_head.AsSpan(EventRecord.HeadBytes));
        FinishHead(HeadOf(EventRecord.NoEntity, primary: true, _operation), EventRecord.HeadBytes + id.Length);
    }

    private RecordHead HeadOf(uint entityTypeId, bool primary, EventOperation operation) =>
        new(EventRecord.NewestFormat, _streamId, entityTypeId, _schemaVersion, primary, _hasTextId, operation);

    /// <summary>What comes before the id. Returns its length.</summary>
    private int WriteBodyHead(long timeMicros, in EventArrival arrival, ReadOnlySpan<byte> producer)
    {
        _operation = arrival.Operation;
        Span<byte> body = _body;
        BinaryPrimitives.WriteInt64LittleEndian(body, timeMicros);
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
        return at + producer.Length;
    }

    private void FinishHead(RecordHead values, int length)
    {
        Span<byte> head = _head;
        head[0] = values.Format;
        head[1] = (byte)((values.Primary ? EventRecord.PrimaryFlag : 0) | (values.HasTextId ? EventRecord.TextIdFlag : 0) | ((int)values.Operation << EventRecord.OperationShift) | (values.IsNewHere ? EventRecord.NewHereFlag : 0));
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

    private readonly record struct RecordHead(byte Format, uint StreamId, uint EntityTypeId, int SchemaVersion, bool Primary, bool HasTextId, EventOperation Operation)
    {
        public bool IsNewHere { get; init; }
    }
}
