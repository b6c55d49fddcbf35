using OrleansFeatures.Log.Snapshots.Format;

namespace OrleansFeatures.Log.Snapshots;

/// <summary>
/// Writes one state file: a header, records, a block of the index behind every <see cref="Limits.StateIndexBlockEntries"/> of them, and the footer. So the writer's memory does not grow with the file, and the index is
/// read backwards from the footer, newest first, with one read for each block.
/// <code>
///   | header | r r r r ... r | index block | r r r ... r | index block | footer |
///                            ^------ hash: position -----' ^-- last block --'
/// </code>
/// One thread writes. Any thread may read what was added, also what still lies in the buffer; <see cref="_gate"/> is for those two.
/// </summary>
internal sealed class StateFileWriter
{
    private const int BufferBytesInitial = 16 * 1024;
    private const int EntriesInitial = 64;

    private readonly Lock _gate = new();
    private readonly ILogFile _file;
    private readonly uint _salt;
    private byte[] _buffer = new byte[BufferBytesInitial];
    private int _buffered;
    private long _written;
    private long _position;
    private long _unsynced;
    private byte[] _entries = new byte[EntriesInitial * StateIndexEntry.Bytes];
    private int _entryCount;
    private long _lastIndexBlock;
    private int _indexBlocks;
    private long _records;
    private long _recordBytes;
    private uint _chain;

    public StateFileWriter(ILogDevice device, string path, StateFileHeader header)
    {
        _file = device.Open(path, LogFileAccess.Create);
        var bytes = header.Encode(out _salt);
        _chain = _salt;
        File = new StateFile(path, header, _salt, _file, this);
        Append(bytes);
    }

    public StateFile File { get; }

    /// <summary>Where the next frame goes.</summary>
    public long Position => Volatile.Read(ref _position);

    public bool HasRecords => _records > 0;

    /// <summary>How long the file would be if it were sealed behind one more record of that payload.</summary>
    public long BytesWith(int payloadBytes) =>
        Position + StateFrame.HeaderBytes + payloadBytes + StateFrame.HeaderBytes + (_entryCount + 1L) * StateIndexEntry.Bytes + StateFooter.Bytes;

    public StatePlace Add(StateRecordKind kind, int partition, uint entityType, ulong hash, ulong check, uint tag, ReadOnlySpan<byte> payload)
    {
        var place = StatePlace.At(File.Number, Position);
        var length = AppendFrame((byte)kind, partition, entityType, hash, check, tag, payload);
        _records++;
        _recordBytes += length;
        Index(new StateEntry(kind, partition, entityType, hash, check, place, length, tag));
        return place;
    }

    /// <summary>Hands what has gathered to the system if it is that much, and syncs if that much is unsynced.</summary>
    public void Flush(int bufferedMin, long unsyncedMax)
    {
        if (_buffered >= bufferedMin)
        {
            WriteBuffer();
        }

        if (_unsynced >= unsyncedMax)
        {
            _file.Sync();
            _unsynced = 0;
        }
    }

    /// <summary>Index, footer, sync: the file is whole and on disk.</summary>
    public void Seal()
    {
        WriteIndexBlock();
        var footer = new StateFooter(_lastIndexBlock, _records, _indexBlocks, _chain, Position, _recordBytes);
        Append(footer.Encode(_salt, out var crc));
        WriteBuffer();
        _file.Sync();
        File.Seal(footer, crc);
    }

    public int Read(long position, Span<byte> buffer)
    {
        if (position + buffer.Length <= Volatile.Read(ref _written))
        {
            return _file.Read(position, buffer);
        }

        lock (_gate)
        {
            var read = position < _written ? _file.Read(position, buffer[..(int)Math.Min(buffer.Length, _written - position)]) : 0;
            var from = (int)(position + read - _written);
            if (from < 0 || from >= _buffered)
            {
                return read;
            }

            var bytes = _buffer.AsSpan(from, Math.Min(_buffered - from, buffer.Length - read));
            bytes.CopyTo(buffer[read..]);
            return read + bytes.Length;
        }
    }

    private int AppendFrame(byte kind, int partition, uint entityType, ulong hash, ulong check, uint tag, ReadOnlySpan<byte> payload)
    {
        Span<byte> header = stackalloc byte[StateFrame.HeaderBytes];
        var crc = StateFrame.WriteHeader(header, kind, partition, entityType, hash, check, tag, payload, _salt, Position);
        _chain = StateFooter.Link(_chain, crc);
        Append(header);
        Append(payload);
        return StateFrame.HeaderBytes + payload.Length;
    }

    private void Append(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            if (_buffered == _buffer.Length)
            {
                MakeRoom(bytes.Length);
            }

            var part = bytes[..Math.Min(bytes.Length, _buffer.Length - _buffered)];
            part.CopyTo(_buffer.AsSpan(_buffered));
            _buffered += part.Length;
            Volatile.Write(ref _position, _position + part.Length); // Readers see only bytes that are there.
            bytes = bytes[part.Length..];
        }
    }

    private void MakeRoom(int wanted)
    {
        if (_buffer.Length >= Limits.StateBufferBytes)
        {
            Flush(0, Limits.StateUnsyncedBytesMax);
            return;
        }

        lock (_gate)
        {
            Array.Resize(ref _buffer, (int)Math.Min(Limits.StateBufferBytes, Math.Max(2L * _buffer.Length, (long)_buffer.Length + wanted)));
        }
    }

    private void WriteBuffer()
    {
        if (_buffered == 0)
        {
            return;
        }

        lock (_gate)
        {
            _file.Write(_written, [_buffer.AsMemory(0, _buffered)]);
            _unsynced += _buffered;
            Volatile.Write(ref _written, _written + _buffered);
            _buffered = 0;
        }
    }

    private void Index(in StateEntry entry)
    {
        if ((_entryCount + 1) * StateIndexEntry.Bytes > _entries.Length)
        {
            Array.Resize(ref _entries, Math.Min(2 * _entries.Length, Limits.StateIndexBlockEntries * StateIndexEntry.Bytes));
        }

        StateIndexEntry.Write(_entries.AsSpan(_entryCount * StateIndexEntry.Bytes, StateIndexEntry.Bytes), entry);
        if (++_entryCount == Limits.StateIndexBlockEntries)
        {
            WriteIndexBlock();
        }
    }

    private void WriteIndexBlock()
    {
        if (_entryCount == 0)
        {
            return;
        }

        var position = Position;
        AppendFrame(StateFrameKinds.Index, 0, 0, (ulong)_lastIndexBlock, (ulong)_entryCount, (uint)_indexBlocks, _entries.AsSpan(0, _entryCount * StateIndexEntry.Bytes));
        (_lastIndexBlock, _entryCount) = (position, 0);
        _indexBlocks++;
    }
}
