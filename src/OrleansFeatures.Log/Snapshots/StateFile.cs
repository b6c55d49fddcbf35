using OrleansFeatures.Log.Snapshots.Format;

namespace OrleansFeatures.Log.Snapshots;

/// <summary>
/// One state file for reading: sealed, or still being written (then what the writer has gathered and not yet handed to the disk is read from its memory). Any thread. The bytes of a place never change, so that
/// reading needs no lock; a file that a checkpoint drops is closed, and a read that comes later learns that it is gone.
/// </summary>
internal sealed class StateFile : IDisposable
{
    private readonly ILogFile _file;
    private volatile StateFileWriter? _writer;
    private ManifestFile _sealed;
    private long _garbageRecords;
    private long _garbageBytes;

    /// <summary>A file about to be written.</summary>
    public StateFile(string path, StateFileHeader header, uint salt, ILogFile file, StateFileWriter writer)
    {
        (Path, Number, Checkpoint, PartitionCount, Salt, _file, _writer) = (path, header.Number, header.Checkpoint, header.PartitionCount, salt, file, writer);
    }

    private StateFile(string path, in ManifestFile entry, int partitionCount, uint salt, StateFooter footer, ILogFile file)
    {
        (Path, Number, Checkpoint, PartitionCount, Salt, _file, _sealed) = (path, entry.Number, entry.Checkpoint, partitionCount, salt, file, entry);
        (_garbageRecords, _garbageBytes, Footer) = (entry.GarbageRecords, entry.GarbageBytes, footer);
    }

    public string Path { get; }

    public long Number { get; }

    public long Checkpoint { get; }

    public int PartitionCount { get; }

    public uint Salt { get; }

    /// <summary>Meaningful once sealed.</summary>
    public StateFooter Footer { get; private set; }

    /// <summary>Whether something in it was found damaged: then it is nobody's victim, because carrying over would end with deleting it.</summary>
    public bool IsDamaged { get; set; }

    public long Bytes => _writer is { } writer ? writer.Position : _sealed.Bytes;

    public StateFileInfo Info => new(Number, Path, Bytes, _sealed.Records, _sealed.RecordBytes, Interlocked.Read(ref _garbageRecords), Interlocked.Read(ref _garbageBytes), Checkpoint);

    public ManifestFile ManifestEntry => _sealed with { GarbageRecords = Interlocked.Read(ref _garbageRecords), GarbageBytes = Interlocked.Read(ref _garbageBytes) };

    /// <summary>Opens a file that a manifest names, and checks header, length and footer against it. Records and index blocks check themselves when read.</summary>
    public static StateFile Open(ILogDevice device, string directory, in ManifestFile entry, StateManifest manifest)
    {
        var path = System.IO.Path.Combine(directory, StateFileNames.Of(entry.Number));
        var concerned = $"the {entry.Records} records of this file, written by checkpoint {entry.Checkpoint}";
        ILogFile file;
        try
        {
            file = device.Open(path, LogFileAccess.Read);
        }
        catch (FileNotFoundException)
        {
            throw new StateCorruptException(path, 0, "the state file is missing, although the manifest names it", concerned);
        }

        if (Damage(file, entry, manifest, out var salt, out var footer) is { } damage)
        {
            file.Dispose();
            throw new StateCorruptException(path, damage.Position, damage.Reason, concerned);
        }

        return new StateFile(path, entry, manifest.Head.Applied.Length, salt, footer, file);
    }

    /// <summary>The writer has written and synced all.</summary>
    public void Seal(StateFooter footer, uint footerCrc)
    {
        Footer = footer;
        _sealed = new ManifestFile(Number, footer.Position + StateFooter.Bytes, footer.Records, footer.RecordBytes, 0, 0, Checkpoint, footerCrc);
        _writer = null;
    }

    /// <summary>The record there is garbage. A length of 0: as long as this file's records are on average.</summary>
    public void Forget(long records, long bytes)
    {
        var average = _sealed.Records > 0 ? _sealed.RecordBytes / _sealed.Records : 0;
        Interlocked.Add(ref _garbageRecords, records);
        Interlocked.Add(ref _garbageBytes, bytes > 0 ? bytes : records * average);
    }

    /// <summary>At least so much is garbage. The index alone cannot tell of every record whether it counts, so that what was known before may be more.</summary>
    public void Recount(long records, long bytes)
    {
        Interlocked.Exchange(ref _garbageRecords, Math.Max(records, Interlocked.Read(ref _garbageRecords)));
        Interlocked.Exchange(ref _garbageBytes, Math.Max(bytes, Interlocked.Read(ref _garbageBytes)));
    }

    /// <summary>Reads until the buffer is full or the file ends; returns the bytes read.</summary>
    public int Read(long position, Span<byte> buffer) => _writer is { } writer ? writer.Read(position, buffer) : _file.Read(position, buffer);

    /// <summary>The whole frame at a position, checked; it lies in the buffer, which grows to hold it. Throws <see cref="StateCorruptException"/>.</summary>
    public ReadOnlySpan<byte> ReadFrame(long position, int bytesExpected, scoped ref byte[] buffer)
    {
        if (position < StateFileHeader.Bytes || position >= Bytes)
        {
            throw Corrupt(position, $"there is no frame at this place of a file of {Bytes} bytes");
        }

        if (buffer.Length < bytesExpected)
        {
            buffer = GC.AllocateUninitializedArray<byte>(bytesExpected);
        }

        var read = Read(position, buffer.AsSpan(0, bytesExpected));
        if (read < StateFrame.HeaderBytes)
        {
            throw Corrupt(position, "the file ends where a frame must be");
        }

        var length = StateFrame.Length(buffer);
        if (length is < StateFrame.HeaderBytes or > StateFrame.BytesMax || position + length > Bytes)
        {
            throw Corrupt(position, $"a frame states a length of {length} bytes");
        }

        if (length > read)
        {
            if (length > buffer.Length)
            {
                Array.Resize(ref buffer, (int)length);
            }

            if (Read(position + read, buffer.AsSpan(read, (int)length - read)) < length - read)
            {
                throw Corrupt(position, "the file ends inside a frame");
            }
        }

        var frame = buffer.AsSpan(0, (int)length);
        return StateFrame.Crc(frame) == StateFrame.Checksum(Salt, position, frame) ? frame : throw Corrupt(position, "a frame does not match its checksum");
    }

    public StateCorruptException Corrupt(long position, string reason, string concerned = "the record at this place")
    {
        IsDamaged = true;
        return new StateCorruptException(Path, position, reason, concerned);
    }

    public void Dispose() => _file.Dispose();

    private static (long Position, string Reason)? Damage(ILogFile file, in ManifestFile entry, StateManifest manifest, out uint salt, out StateFooter footer)
    {
        (salt, footer) = (0, default);
        Span<byte> bytes = stackalloc byte[StateFileHeader.Bytes];
        var header = StateFileHeader.Decode(bytes[..file.Read(0, bytes)], out var reason);
        if (header is null)
        {
            return (0, reason);
        }

        if (header.StoreId != manifest.StoreId || header.Number != entry.Number || header.Checkpoint != entry.Checkpoint || header.PartitionCount != manifest.Head.Applied.Length)
        {
            return (0, "the state file's header names another store, file, checkpoint or number of partitions than the manifest");
        }

        salt = header.Salt;
        if (file.Length != entry.Bytes)
        {
            return (Math.Min(file.Length, entry.Bytes), $"the state file has {file.Length} bytes where the manifest says {entry.Bytes}");
        }

        Span<byte> end = stackalloc byte[StateFooter.Bytes];
        var at = entry.Bytes - StateFooter.Bytes;
        if (at < StateFileHeader.Bytes || file.Read(at, end) != StateFooter.Bytes || StateFooter.Decode(end, salt, at) is not { IsPossible: true } found || found.Crc != entry.FooterCrc
            || found.Records != entry.Records || found.RecordBytes != entry.RecordBytes)
        {
            return (at, "the state file does not end with the footer that the manifest names");
        }

        footer = found;
        return null;
    }
}
