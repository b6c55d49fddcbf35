using System.Collections.Immutable;
using System.Numerics;
using OrleansFeatures.Log.Inspection;

namespace OrleansFeatures.Log.Format;

/// <summary>Where a segment stops being what the log wrote, and why.</summary>
internal readonly record struct SegmentDamage(long Position, string Reason);

/// <summary>
/// Reads a segment frame by frame through one large buffer and checks each frame against the one before: checksum, dense sequence,
/// dense offset per partition, group counts, footer. It never decides what damage means; recovery and replay do. One thread.
/// <code>
/// header | G r r r | G r | G r r r r | F        G group header, r record, F footer (sealed segments only)
///                        ^ GroupEnd: behind the last whole group; a cut may only happen at such a place
/// </code>
/// Known gaps begin where a group would, and are leapt over; from there to the end of the segment offsets are checked for density from the first record of a partition on, and the footer's chain not at all.
/// </summary>
internal sealed class SegmentReader : IDisposable
{
    /// <summary>In the cursor's offsets: the next record of this partition may have any.</summary>
    public const long Unknown = -1;

    private const int SkipReadBytes = 4096;

    private readonly ILogFile _file;
    private long _end;
    private readonly ImmutableArray<LogDamage> _gaps;
    private readonly bool _headerLost;
    private int _nextGap;
    private long _gapAt = long.MaxValue;
    private long _groupSequence;
    private byte[] _buffer = [];
    private long _bufferStart;
    private int _bufferLength;
    private int _recordsLeft;
    private long _recordsEnd;
    private bool _skipped;

    private SegmentReader(ILogFile file, long end, SegmentCursor cursor, ImmutableArray<LogDamage> gaps)
    {
        (_file, _end, Cursor, _gaps, _headerLost) = (file, end, cursor, gaps, cursor.Position == 0);
        (GroupStart, GroupEnd) = (cursor.Position, cursor.Position);
        AwaitGap();
    }

    public SegmentCursor Cursor { get; }

    public SegmentDamage? Damage { get; private set; }

    /// <summary>How much is read at once, if there is so much.</summary>
    public int ReadAheadBytes { get; set; } = Limits.ReadBufferBytes;

    /// <summary>Where the newest group begins, whole or not.</summary>
    public long GroupStart { get; private set; }

    /// <summary>Where the last whole group ends.</summary>
    public long GroupEnd { get; private set; }

    /// <summary>Whether the footer was read: nothing may follow.</summary>
    public bool Sealed { get; private set; }

    /// <summary>Whether the segment's end is a known gap: there is no footer to be met.</summary>
    public bool EndsInGap { get; private set; }

    /// <summary>Where the group begins that damage concerns, and its first record: the damage itself when it lies between two groups.</summary>
    public (long Position, long Sequence) DamagedGroup => _recordsLeft > 0 ? (GroupStart, _groupSequence) : (Cursor.Position, Cursor.NextSequence);

    /// <summary>How many known gaps lie behind the cursor, leapt over or swallowed by damage.</summary>
    public int GapsPassed => _nextGap;

    public LogDamage GapBefore(int number) => _gaps[number];

    /// <summary>Opens the segment, checks its header unless that is a known gap, and reads up to a byte position (null: the file's end). Null with the reason when the header is damaged.</summary>
    public static SegmentReader? Open(ILogFile file, int partitionCount, long? end, ImmutableArray<LogDamage> gaps, out SegmentHeader? header, out string reason)
    {
        if (gaps is [{ FromByte: 0 } lost, ..])
        {
            (header, reason) = (SegmentHeader.Lost(lost, partitionCount), "");
            return new SegmentReader(file, end ?? file.Length, SegmentCursor.At(header, 0), gaps);
        }

        var bytes = new byte[SegmentHeader.Bytes(partitionCount)];
        var read = file.Read(0, bytes);
        header = SegmentHeader.Decode(bytes.AsSpan(0, read), partitionCount, out reason);
        return header is null ? null : new SegmentReader(file, end ?? file.Length, SegmentCursor.AtStart(header), gaps);
    }

    public void Dispose() => _file.Dispose();

    /// <summary>The next frame, whatever its kind; empty at the end or at damage (then <see cref="Damage"/> is set). Valid until the next call.</summary>
    public ReadOnlySpan<byte> Next()
    {
        if (Cursor.Position == _gapAt)
        {
            PassGaps();
        }

        if (Cursor.Position == _end || EndsInGap)
        {
            return _recordsLeft > 0 ? Fail("the segment ends inside a group") : default;
        }

        var head = Peek(Frame.HeaderBytes, ReadAheadBytes);
        if (head.Length < Frame.HeaderBytes)
        {
            return Fail("the segment ends inside a frame header");
        }

        var length = Frame.Length(head);
        if (length is < Frame.HeaderBytes or > Frame.RecordBytesMax)
        {
            return Fail($"a frame states a length of {length} bytes");
        }

        var frame = Peek((int)length, ReadAheadBytes);
        if (frame.Length < length)
        {
            return Fail("the segment ends inside a frame");
        }

        if (Frame.Checksum(Cursor.Salt, frame) != Frame.Crc(frame))
        {
            return Fail("a frame's checksum does not match");
        }

        var problem = Frame.Kind(frame) switch
        {
            FrameKind.Record => TakeRecord(frame),
            FrameKind.Group => TakeGroup(frame),
            FrameKind.Footer => TakeFooter(frame),
            _ => "a frame is of a kind that this version does not know",
        };
        if (problem is not null)
        {
            return Fail(problem);
        }

        Cursor.Chain = BitOperations.Crc32C(Cursor.Chain, Frame.Crc(frame));
        Cursor.Position += length;
        if (_recordsLeft == 0 && !Sealed)
        {
            GroupEnd = Cursor.Position;
        }

        return frame;
    }

    /// <summary>
    /// Passes over whole groups that end before the sequence, reading their headers only. What was passed over is not checked, nor then
    /// are the counts in the footer; offsets are dense from the first record that is read.
    /// </summary>
    public void SkipTo(long sequence)
    {
        while (Cursor.Position < _end)
        {
            PassGaps();
            if (EndsInGap)
            {
                return;
            }

            var frame = Peek(Frame.GroupBytes, SkipReadBytes);
            if (frame.Length < Frame.GroupBytes || Frame.Kind(frame) != FrameKind.Group || Frame.Length(frame) != Frame.GroupBytes
                || Frame.Checksum(Cursor.Salt, frame) != Frame.Crc(frame) || Frame.Sequence(frame) != Cursor.NextSequence)
            {
                return; // Next() meets the same bytes and says what is wrong with them.
            }

            var (records, bytes, micros) = Frame.ReadGroup(frame);
            if (Cursor.NextSequence + records > sequence || Cursor.Position + Frame.GroupBytes + bytes > _end)
            {
                return;
            }

            Cursor.NextSequence += records;
            Cursor.LastGroupMicros = micros;
            Cursor.Position += Frame.GroupBytes + bytes;
            PassedOver();
        }
    }

    /// <summary>The segment has become longer, by whole groups or its footer.</summary>
    public void Extend(long end) => _end = end;

    /// <summary>After damage: goes on at a group header or footer that was found behind it.</summary>
    public void Resume(long position, long sequence)
    {
        (Cursor.Position, Cursor.NextSequence, _recordsLeft, Damage) = (position, sequence, 0, null);
        PassedOver();
        AwaitGap();
    }

    /// <summary>When the last group of the segment was written, found from its end; null when no sound group header is there.</summary>
    public long? LastGroupMicros() => GroupSearch.LastGroup(new SurveyedFile(_file), Cursor.Salt, Cursor.Position, _end)?.Micros;

    private string? TakeRecord(ReadOnlySpan<byte> frame)
    {
        var partition = Frame.Partition(frame);
        if (_recordsLeft == 0 || Cursor.Position + frame.Length > _recordsEnd || (_recordsLeft == 1 && Cursor.Position + frame.Length != _recordsEnd))
        {
            return "a record lies outside the bounds that its group header states";
        }

        if (Frame.Sequence(frame) != Cursor.NextSequence || !Frame.ReservedIsZero(frame))
        {
            return $"a record has sequence {Frame.Sequence(frame)} where {Cursor.NextSequence} must be";
        }

        if (partition >= Cursor.NextOffsets.Length)
        {
            return $"a record names partition {partition} of {Cursor.NextOffsets.Length}";
        }

        ref var next = ref Cursor.NextOffsets[partition];
        var offset = Frame.Offset(frame);
        if (offset != next && next != Unknown)
        {
            return $"a record of partition {partition} has offset {offset} where {next} must be";
        }

        next = offset + 1;
        Cursor.NextSequence++;
        _recordsLeft--;
        return null;
    }

    private string? TakeGroup(ReadOnlySpan<byte> frame)
    {
        if (Sealed || _recordsLeft > 0 || frame.Length != Frame.GroupBytes || !Frame.ReservedIsZero(frame))
        {
            return "a group begins where none may begin";
        }

        var (records, bytes, micros) = Frame.ReadGroup(frame);
        if (Frame.Offset(frame) != Cursor.Position || Frame.Sequence(frame) != Cursor.NextSequence || records < 1 || bytes < records * (long)Frame.HeaderBytes)
        {
            return $"a group header states durable position {Frame.Offset(frame)}, sequence {Frame.Sequence(frame)}, {records} records, {bytes} bytes, which cannot be here";
        }

        (GroupStart, _groupSequence) = (Cursor.Position, Cursor.NextSequence);
        Cursor.LastGroupMicros = micros;
        _recordsLeft = records;
        _recordsEnd = Cursor.Position + Frame.GroupBytes + bytes;
        return null;
    }

    private string? TakeFooter(ReadOnlySpan<byte> frame)
    {
        if (Sealed || _recordsLeft > 0 || frame.Length != Frame.FooterBytes || !Frame.ReservedIsZero(frame))
        {
            return "a footer lies where none may be";
        }

        var (records, chain, zero) = Frame.ReadFooter(frame);
        if (Frame.Offset(frame) != Cursor.Position || Frame.Sequence(frame) != Cursor.NextSequence || (records != Cursor.Records && !_headerLost) || zero != 0
            || (chain != Cursor.Chain && !_skipped))
        {
            return $"the footer states {records} records before sequence {Frame.Sequence(frame)} and checksum {chain:x8}, found {Cursor.Records} before {Cursor.NextSequence} and {Cursor.Chain:x8}";
        }

        if (_skipped)
        {
            Cursor.Chain = chain; // Vouched for by the footer's own checksum: the next segment can be tied to it.
        }

        Sealed = true;
        return null;
    }

    private void PassGaps()
    {
        while (Cursor.Position == _gapAt && _recordsLeft == 0)
        {
            var gap = _gaps[_nextGap++];
            EndsInGap = gap.ToByte == LogDamage.EndOfFile;
            Cursor.NextSequence = gap.Next.Value;
            Cursor.Position = EndsInGap ? Cursor.Position : gap.ToByte;
            PassedOver();
            AwaitGap();
        }
    }

    private void PassedOver()
    {
        GroupStart = GroupEnd = Cursor.Position;
        _skipped = true;
        Cursor.NextOffsets.AsSpan().Fill(Unknown);
    }

    /// <summary>Looks for the next known gap at or behind the cursor; gaps that newly found damage has swallowed are passed.</summary>
    private void AwaitGap()
    {
        while (_nextGap < _gaps.Length && _gaps[_nextGap].FromByte < Cursor.Position)
        {
            _nextGap++;
        }

        _gapAt = _nextGap < _gaps.Length ? _gaps[_nextGap].FromByte : long.MaxValue;
    }

    private ReadOnlySpan<byte> Fail(string reason)
    {
        Damage = new SegmentDamage(Cursor.Position, reason);
        return default;
    }

    /// <summary>The bytes at the cursor, fewer only where the segment ends.</summary>
    private ReadOnlySpan<byte> Peek(int bytes, int readAhead)
    {
        var at = Cursor.Position - _bufferStart;
        if (at < 0 || at + bytes > _bufferLength)
        {
            Fill(bytes, readAhead);
            at = 0;
        }

        return _buffer.AsSpan((int)at, Math.Min(bytes, _bufferLength - (int)at));
    }

    private void Fill(int bytes, int readAhead)
    {
        // Never into a known gap: it may lie there because the disk cannot read it.
        var wanted = (int)Math.Min(Math.Max(bytes, readAhead), Math.Min(_end, _gapAt) - Cursor.Position);
        if (wanted > _buffer.Length)
        {
            _buffer = new byte[wanted];
        }

        _bufferStart = Cursor.Position;
        _bufferLength = _file.Read(_bufferStart, _buffer.AsSpan(0, wanted));
    }
}
