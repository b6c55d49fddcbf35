using System.Buffers.Binary;
using System.Numerics;
using OrleansFeatures.Log.Format;

namespace OrleansFeatures.Log.Commit;

/// <summary>
/// Puts groups onto the device: reserves space, stamps the frames in the producers' own memory, writes them in one vectored write,
/// syncs, and changes segments. A group is written only after the one before it is durable; its header says so by its own position,
/// and recovery rests on that. One thread.
/// <para>Order of a change of segments, each step durable before the next: footer of the old one; the new one under a temporary name;
/// its rename; the manifest that names it.</para>
/// </summary>
internal sealed class LogWriter : IDisposable
{
    private readonly LogOptions _options;
    private readonly ILogDevice _device;
    private readonly TimeProvider _time;
    private readonly ManifestFile _manifest;
    private readonly ILogFile _markFile;
    private readonly byte[] _markBytes = new byte[DurableMark.Bytes];
    private readonly byte[] _groupHeader = new byte[Frame.GroupBytes];
    private readonly List<ReadOnlyMemory<byte>> _buffers = [];
    private SegmentCursor _cursor;
    private string _path;
    private ILogFile? _file;
    private uint _previousChain;
    private long _reserved;
    private long _nextMark;

    /// <summary>Goes on where the last segment stands; without a file that segment is sealed, and the next append makes a new one.</summary>
    public LogWriter(LogOptions options, ILogDevice device, TimeProvider time, ManifestFile manifest, SegmentCursor cursor, ILogFile? file)
    {
        (_options, _device, _time, _manifest, _cursor, _file) = (options, device, time, manifest, cursor, file);
        (_previousChain, _path) = (cursor.Chain, PathOf(cursor.Number));
        _markFile = OpenMark(device, Path.Combine(options.Directory, LogFiles.DurableMark));
    }

    public SegmentCursor Cursor => _cursor;

    /// <summary>Learns where records lie.</summary>
    public required PositionIndex Positions { get; init; }

    /// <summary>Segments sealed since the owner last asked; it takes them out.</summary>
    public Queue<SegmentInfo> Sealed { get; } = new();

    /// <summary>The segment being written, as far as it is durable; null between two segments.</summary>
    public SegmentInfo? Active => _file is null ? null : Describe();

    /// <summary>
    /// Secures space for a group and the footer behind it, in a new segment if the current one would grow too large. Throws
    /// <see cref="LogFullException"/> without having written anything of the group; it may be called again.
    /// </summary>
    public void Reserve(long recordBytes)
    {
        var bytes = recordBytes + Frame.GroupBytes + Frame.FooterBytes;
        if (_file is not null && _cursor.Records > 0 && _cursor.Position + bytes > _options.SegmentBytesMax)
        {
            SealSegment();
        }

        if (_file is null)
        {
            CreateSegment(bytes);
            return;
        }

        var wanted = _cursor.Position + bytes;
        if (wanted <= _reserved)
        {
            return;
        }

        var ahead = Math.Max(wanted, Math.Min(_cursor.Position + Limits.ReserveStepBytes, _options.SegmentBytesMax));
        _reserved = _file.TryReserve(ahead) ? ahead
            : _file.TryReserve(wanted) ? wanted
            : throw new LogFullException(_path, bytes);
    }

    /// <summary>Writes the group and returns when it is on disk. Any failure leaves the disk in an unknown state: the caller must poison the log.</summary>
    public void Commit(List<PendingAppend> group, int recordBytes)
    {
        var file = _file ?? throw new LogInvariantException("A group was written without a segment; Reserve comes first.");
        var records = 0;
        foreach (var append in group)
        {
            records += append.Batch.Count;
        }

        var micros = (_time.GetUtcNow().UtcTicks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond;
        var crc = Frame.WriteGroup(_groupHeader, _cursor.Salt, _cursor.NextSequence, _cursor.Position, records, recordBytes, micros);
        _cursor.Chain = BitOperations.Crc32C(_cursor.Chain, crc);

        _buffers.Clear();
        _buffers.Add(_groupHeader);
        var position = _cursor.Position + Frame.GroupBytes;
        foreach (var append in group)
        {
            var first = _cursor.NextSequence;
            position = Stamp(append.Batch.Frames.Span, position);
            append.Receipt = new AppendReceipt(new LogSequence(first), new LogSequence(_cursor.NextSequence - 1));
            _buffers.Add(append.Batch.Frames);
        }

        file.Write(_cursor.Position, _buffers);
        file.Sync();
        _cursor.Position += Frame.GroupBytes + recordBytes;
        _cursor.LastGroupMicros = micros;
        _buffers.Clear();
    }

    /// <summary>Notes how far the log is durable; not synced, see <see cref="DurableMark"/>.</summary>
    public void WriteMark()
    {
        new DurableMark(_cursor.Number, _cursor.Position, _cursor.NextSequence).Encode(_markBytes, _cursor.StoreId);
        _markFile.Write(0, [_markBytes]);
    }

    /// <summary>An orderly end: reserved space is given back and the mark is made durable, so that any later damage is seen as damage.</summary>
    public void Finish()
    {
        if (_file is not null)
        {
            _file.Truncate(_cursor.Position);
            _file.Sync();
        }

        WriteMark();
        _markFile.Sync();
    }

    public void Dispose()
    {
        _file?.Dispose();
        _markFile.Dispose();
    }

    /// <summary>The hot loop: about 20 ns a record of 90 bytes, most of it the checksum. Returns the position behind the frames.</summary>
    private long Stamp(Span<byte> frames, long position)
    {
        var (sequence, chain, salt, nextOffsets) = (_cursor.NextSequence, _cursor.Chain, _cursor.Salt, _cursor.NextOffsets);
        while (!frames.IsEmpty)
        {
            var frame = frames[..(int)Frame.Length(frames)];
            if (position >= _nextMark)
            {
                Positions.Note(_cursor.Number, sequence, position);
                _nextMark = position + Limits.PositionSpacingBytes;
            }

            var offset = nextOffsets[Frame.Partition(frame)]++;
            chain = BitOperations.Crc32C(chain, Frame.Stamp(frame, salt, sequence++, offset));
            position += frame.Length;
            frames = frames[frame.Length..];
        }

        (_cursor.NextSequence, _cursor.Chain) = (sequence, chain);
        return position;
    }

    private void SealSegment()
    {
        var file = _file!;
        var footer = new byte[Frame.FooterBytes];
        Frame.WriteFooter(footer, _cursor.Salt, _cursor.NextSequence, _cursor.Position, _cursor.Records, _cursor.Chain);
        file.Write(_cursor.Position, [footer]);
        file.Truncate(_cursor.Position + Frame.FooterBytes);
        file.Sync();
        _cursor.Chain = BitOperations.Crc32C(_cursor.Chain, Frame.Crc(footer));
        _cursor.Position += Frame.FooterBytes;
        _previousChain = _cursor.Chain;
        Sealed.Enqueue(Describe());
        file.Dispose();
        _file = null;
    }

    private void CreateSegment(long bytes)
    {
        try
        {
            var (cursor, file, reserved) = SegmentCreation.Create(_device, _options.Directory,
                new SegmentHeader(_manifest.Current.StoreId, _cursor.Number + 1, _cursor.NextSequence, _previousChain, _cursor.NextOffsets), bytes);
            try
            {
                _manifest.Change(manifest => manifest with { LastSegment = cursor.Number });
                (_cursor, _file, _reserved, _path, _nextMark) = (cursor, file, reserved, PathOf(cursor.Number), 0);
            }
            finally
            {
                if (_file is null)
                {
                    file.Dispose();
                }
            }
        }
        catch (IOException e) when (DiskFull.Is(e))
        {
            // Nothing refers to the new segment yet, and creating it again replaces it: this is a refusal and not a failed write.
            throw new LogFullException(PathOf(_cursor.Number + 1), bytes, e);
        }
    }

    private SegmentInfo Describe() => SegmentInfo.Of(_cursor, _path, []);

    private string PathOf(long number) => Path.Combine(_options.Directory, LogFiles.Segment(number));

    private static ILogFile OpenMark(ILogDevice device, string path)
    {
        try
        {
            return device.Open(path, LogFileAccess.ReadWrite);
        }
        catch (FileNotFoundException)
        {
            return device.Open(path, LogFileAccess.Create);
        }
    }
}

/// <summary>Makes a segment appear whole: a reader of the directory sees its name only with its synced header behind it.</summary>
internal static class SegmentCreation
{
    /// <summary>Creates the segment with space for so many bytes behind its header. Throws <see cref="LogFullException"/>.</summary>
    public static (SegmentCursor Cursor, ILogFile File, long Reserved) Create(ILogDevice device, string directory, SegmentHeader header, long bytes)
    {
        var path = Path.Combine(directory, LogFiles.Segment(header.Number));
        var encoded = header.Encode(out var salted);
        var reserved = encoded.Length + bytes;
        var file = device.Open(path + LogFiles.NewSuffix, LogFileAccess.Create);
        var created = false;
        try
        {
            if (!file.TryReserve(reserved))
            {
                throw new LogFullException(path, reserved);
            }

            file.Write(0, [encoded]);
            file.Sync();
            device.Rename(path + LogFiles.NewSuffix, path);
            device.SyncDirectory(directory);
            created = true;
            return (SegmentCursor.AtStart(salted), file, reserved);
        }
        finally
        {
            if (!created)
            {
                file.Dispose();
            }
        }
    }
}
