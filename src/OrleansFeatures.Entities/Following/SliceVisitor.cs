using OrleansFeatures.Domain;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.Following;

/// <summary>Takes from the log what a follower wants, until a slice is full. Keys share blocks of memory, because a slice has many and each has some ten bytes.</summary>
internal struct SliceVisitor(ChangeFilter? filter) : ILogVisitor
{
    private byte[] _block = [];
    private int _used;
    private int _records;

    public List<EntityChange> Changes { get; } = [];

    public bool Visit(LogRecord record)
    {
        try
        {
            Take(record);
        }
        catch (InvariantException)
        {
            // It says nothing that can be understood, so it has changed no entity; whoever applies it has told the operator.
        }

        return ++_records < Limits.FollowSliceRecordsMax && Changes.Count < Limits.FollowSliceChangesMax;
    }

    private void Take(LogRecord record)
    {
        ReadOnlySpan<byte> key = EventRecord.EntityOf(record.Payload, out uint entityType);
        if (entityType == EventRecord.NoEntity || filter?.Invoke(entityType, key) == false)
        {
            return;
        }

        EventRecord read = EventRecord.Parse(record.Payload);
        var previous = new EventTime(read.Operation == EventOperation.Insert ? EventVersion.None.TimeMicros : read.Previous.TimeMicros);
        Changes.Add(new EntityChange(record.Sequence, record.Partition, record.Offset, entityType, Keep(key), read.StreamId, read.Time, read.Arrival, read.Operation, previous));
    }

    private ReadOnlyMemory<byte> Keep(ReadOnlySpan<byte> key)
    {
        if (_used + key.Length > _block.Length)
        {
            _block = new byte[Math.Max(Limits.FollowKeyBlockBytes, key.Length)];
            _used = 0;
        }

        key.CopyTo(_block.AsSpan(_used));
        var kept = new ReadOnlyMemory<byte>(_block, _used, key.Length);
        _used += key.Length;
        return kept;
    }
}
