using System.Buffers;
using OrleansFeatures.Log.Format;

namespace OrleansFeatures.Log;

/// <summary>
/// Records on their way into the log, encoded once: the caller writes each payload straight behind the room for its frame header,
/// the log fills the headers in place and writes this very memory to disk, the consumer reads it there.
/// <para>Life: build (one thread) - hand to <see cref="EventLog.AppendAsync"/> or <see cref="EventLog.TryAppend"/> - when that has
/// completed, <see cref="Records"/> tells the offsets - <see cref="Dispose"/>. The memory is pooled and goes back when the caller has
/// disposed and the consumer has released. After a refusal (false, cancellation while waiting, <see cref="LogFullException"/>) the batch is as
/// it was and may be appended again. The records of one batch lie in the log one behind the other.</para>
/// </summary>
public sealed class AppendBatch : IBufferWriter<byte>, IDisposable
{
    /// <summary>Frames outside of segments have no header to be bound to.</summary>
    internal const uint NoSalt = 0;

    private const int Building = 0;
    private const int Appended = 1;
    private const int Committed = 2;

    private byte[] _buffer;
    private int _length;
    private int _recordStart = -1;
    private int _recordPartition;
    private int _state;
    private int _references = 1;
    private int _disposed;

    public AppendBatch(int bytesInitial = Limits.BatchBytesInitial) => _buffer = ArrayPool<byte>.Shared.Rent(Math.Clamp(bytesInitial, 256, Limits.BatchBytesMax));

    /// <summary>Records added so far.</summary>
    public int Count { get; private set; }

    /// <summary>Bytes that the finished records take in the log, frame headers included.</summary>
    public int Bytes => _recordStart < 0 ? _length : _recordStart;

    /// <summary>Anything the caller wants to find again at the consumer's side (<see cref="CommittedBatch.Tag"/>).</summary>
    public object? Tag { get; set; }

    /// <summary>The records with their offsets and sequences. Only after the append has completed and before <see cref="Dispose"/>.</summary>
    public LogRecords Records
    {
        get
        {
            ObjectDisposedException.ThrowIf(_disposed != 0, this);
            if (Volatile.Read(ref _state) != Committed)
            {
                throw new InvalidOperationException("The batch is not durable yet; await the append first.");
            }

            return new LogRecords(Frames);
        }
    }

    internal Memory<byte> Frames => _buffer.AsMemory(0, _length);

    internal int PartitionMax { get; private set; } = -1;

    /// <summary>
    /// For a log that is kept elsewhere than in <see cref="EventLog"/>, and that alone gives places: gives the records theirs, and their checksums. Then <see cref="Records"/> can be read, to be stored; they are
    /// not durable by that. <paramref name="nextOffsets"/> (by partition) moves on.
    /// </summary>
    public AppendReceipt Number(LogSequence first, Span<long> nextOffsets)
    {
        Seal(nextOffsets.Length);
        long sequence = first.Value;
        for (Span<byte> rest = Frames.Span; !rest.IsEmpty;)
        {
            Span<byte> frame = rest[..(int)Frame.Length(rest)];
            Frame.Stamp(frame, NoSalt, sequence++, nextOffsets[Frame.Partition(frame)]++);
            rest = rest[frame.Length..];
        }

        MarkCommitted();
        ReleaseReference();
        return new AppendReceipt(first, new LogSequence(sequence - 1));
    }

    /// <summary>Copies one payload in.</summary>
    public void Add(PartitionId partition, ReadOnlySpan<byte> payload)
    {
        BeginRecord(partition);
        payload.CopyTo(GetSpan(payload.Length));
        Advance(payload.Length);
        EndRecord();
    }

    /// <summary>Starts a record; write its payload with <see cref="GetSpan"/> and <see cref="Advance"/>, then <see cref="EndRecord"/> or <see cref="CancelRecord"/>.</summary>
    public void BeginRecord(PartitionId partition)
    {
        RequireBuilding();
        if (_recordStart >= 0)
        {
            throw new InvalidOperationException("The record before this one was not ended.");
        }

        ArgumentOutOfRangeException.ThrowIfNegative(partition.Value, nameof(partition));
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(partition.Value, Limits.PartitionCountMax, nameof(partition));
        Ensure(Frame.HeaderBytes);
        _recordStart = _length;
        _recordPartition = partition.Value;
        _length += Frame.HeaderBytes;
    }

    public void EndRecord()
    {
        RequireRecord();
        Frame.BeginRecord(_buffer.AsSpan(_recordStart.._length), _recordPartition);
        PartitionMax = Math.Max(PartitionMax, _recordPartition);
        _recordStart = -1;
        Count++;
    }

    /// <summary>Forgets the record that was begun, so that one bad event leaves no trace among its neighbours.</summary>
    public void CancelRecord()
    {
        RequireRecord();
        _length = _recordStart;
        _recordStart = -1;
    }

    public void Advance(int count)
    {
        RequireRecord();
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, _buffer.Length - _length);
        if (_length - _recordStart + count > Frame.RecordBytesMax)
        {
            throw new ArgumentOutOfRangeException(nameof(count), $"A record may hold {Limits.RecordBytesMax} bytes (Limits.RecordBytesMax).");
        }

        _length += count;
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        RequireRecord();
        Ensure(Math.Max(sizeHint, 1));
        return _buffer.AsSpan(_length);
    }

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        RequireRecord();
        Ensure(Math.Max(sizeHint, 1));
        return _buffer.AsMemory(_length);
    }

    /// <summary>Gives up the caller's share. Safe at any time, also while the log still works on the batch.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            ReleaseReference();
        }
    }

    /// <summary>Takes the batch for the log. From here on the caller must not change it.</summary>
    internal void Seal(int partitionCount)
    {
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        if (_recordStart >= 0)
        {
            throw new InvalidOperationException("The last record was not ended.");
        }

        if (Count == 0)
        {
            throw new ArgumentException("An empty batch cannot be appended.");
        }

        if (PartitionMax >= partitionCount)
        {
            throw new ArgumentOutOfRangeException(nameof(partitionCount), $"The batch names partition {PartitionMax}; this log has partitions 0 to {partitionCount - 1}.");
        }

        if (Interlocked.CompareExchange(ref _state, Appended, Building) != Building)
        {
            throw new InvalidOperationException("The batch was appended before.");
        }

        Interlocked.Increment(ref _references);
    }

    /// <summary>The log refused it: the caller may change and append it again.</summary>
    internal void Unseal()
    {
        Volatile.Write(ref _state, Building);
        ReleaseReference();
    }

    internal void MarkCommitted() => Volatile.Write(ref _state, Committed);

    internal void ReleaseReference()
    {
        if (Interlocked.Decrement(ref _references) == 0)
        {
            var buffer = _buffer;
            _buffer = [];
            _length = 0;
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private void RequireBuilding()
    {
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        if (_state != Building)
        {
            throw new InvalidOperationException("The batch was appended and cannot be changed any more.");
        }
    }

    private void RequireRecord()
    {
        if (_recordStart < 0)
        {
            throw new InvalidOperationException("No record was begun.");
        }
    }

    private void Ensure(int more)
    {
        if (_buffer.Length - _length >= more)
        {
            return;
        }

        var needed = (long)_length + more;
        if (needed > Limits.BatchBytesMax)
        {
            throw new ArgumentOutOfRangeException(nameof(more), $"A batch may hold {Limits.BatchBytesMax} bytes (Limits.BatchBytesMax); append what is in it first.");
        }

        var larger = ArrayPool<byte>.Shared.Rent((int)Math.Min(Limits.BatchBytesMax, Math.Max(needed, 2L * _buffer.Length)));
        _buffer.AsSpan(0, _length).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
    }
}
