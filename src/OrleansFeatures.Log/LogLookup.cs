using OrleansFeatures.Log.Commit;
using OrleansFeatures.Log.Format;
using OrleansFeatures.Log.Inspection;

namespace OrleansFeatures.Log;

/// <summary>
/// Reads single records by their sequence, through its own file handle: from the nearest known position it walks over frame headers and checks the wanted frame, which
/// costs one read of at most <see cref="Limits.LookupReadBytes"/> for a record of ordinary size. Blocking reads on the caller's thread; one thread at a time. Dispose it soon: it keeps a segment open.
/// </summary>
internal sealed class LogLookup : IRecordLookup
{
    private readonly ILogDevice _device;
    private readonly int _partitionCount;
    private readonly PositionIndex _positions;
    private readonly LogProgress _progress;
    private byte[] _buffer = [];
    private long _bufferStart;
    private int _bufferLength;
    private ILogFile? _file;
    private SegmentHeader? _header;

    internal LogLookup(ILogDevice device, int partitionCount, PositionIndex positions, LogProgress progress) =>
        (_device, _partitionCount, _positions, _progress) = (device, partitionCount, positions, progress);

    /// <summary>The record; it lies in a buffer that the next call overwrites.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The log does not hold it yet, or not durably.</exception>
    /// <exception cref="LogTruncatedException">The log no longer holds it.</exception>
    /// <exception cref="LogGapException">It was lost with damage that was skipped.</exception>
    /// <exception cref="LogCorruptException">What lies there is not that record.</exception>
    public LogRecord Find(LogSequence sequence)
    {
        LogView view = _progress.View;
        ArgumentOutOfRangeException.ThrowIfNegative(sequence.Value, nameof(sequence));
        if (sequence.CompareTo(view.First) < 0)
        {
            throw new LogTruncatedException(sequence, view.First);
        }

        ArgumentOutOfRangeException.ThrowIfGreaterThan(sequence, view.Durable);
        if (GapOf(view, sequence.Value) is { } lost)
        {
            throw new LogGapException(sequence, lost);
        }

        SegmentInfo segment = SegmentOf(view, sequence.Value);
        Open(segment, sequence);
        var start = segment.Gaps is [{ FromByte: 0 }, ..] ? 0 : SegmentHeader.Bytes(_partitionCount);
        var (next, position) = _positions.Before(segment.Number, sequence.Value) ?? new PositionIndex.Mark(segment.FirstSequence, start);
        var nextMark = position;
        while (true)
        {
            if (position >= nextMark)
            {
                _positions.Note(segment.Number, next, position);
                nextMark = position + Limits.PositionSpacingBytes;
            }

            while (GapAt(segment, position) is { } gap)
            {
                (position, next) = (gap.ToByte, gap.Next.Value);
            }

            var head = Peek(segment, position, Frame.HeaderBytes);
            var length = head.Length < Frame.HeaderBytes ? 0 : Frame.Length(head);
            if (length is < Frame.HeaderBytes or > Frame.RecordBytesMax || next > sequence.Value)
            {
                throw Corrupt(segment, position, sequence, "the walk to the record met no frame");
            }

            if (Frame.Kind(head) == FrameKind.Record && next++ == sequence.Value)
            {
                return Checked(segment, position, sequence, Peek(segment, position, (int)length));
            }

            position += length;
        }
    }

    public void Dispose()
    {
        _file?.Dispose();
        _file = null;
    }

    private LogRecord Checked(SegmentInfo segment, long position, LogSequence sequence, ReadOnlySpan<byte> frame) =>
        frame.Length == Frame.Length(frame) && Frame.Sequence(frame) == sequence.Value && Frame.Checksum(_header!.Salt, frame) == Frame.Crc(frame)
            ? new LogRecord(frame)
            : throw Corrupt(segment, position, sequence, "the frame of the record does not check");

    private static LogDamage? GapOf(LogView view, long sequence) =>
        view.Gaps.IsEmpty ? null : view.Gaps.FirstOrDefault(gap => gap.First.Value <= sequence && sequence < gap.Next.Value);

    /// <summary>A gap that ends with the segment is not met: what is looked for lies before it.</summary>
    private static LogDamage? GapAt(SegmentInfo segment, long position) =>
        segment.Gaps.IsEmpty ? null : segment.Gaps.FirstOrDefault(gap => gap.FromByte == position && gap.ToByte != LogDamage.EndOfFile);

    private static SegmentInfo SegmentOf(LogView view, long sequence)
    {
        if (view.Active is { } active && active.FirstSequence <= sequence)
        {
            return active;
        }

        // The last segment that begins at or before it.
        int low = 0;
        int high = view.Sealed.Length - 1;
        while (low < high)
        {
            int middle = (low + high + 1) / 2;
            (low, high) = view.Sealed[middle].FirstSequence <= sequence ? (middle, high) : (low, middle - 1);
        }

        return view.Sealed[low];
    }

    private void Open(SegmentInfo segment, LogSequence wanted)
    {
        if (_file is not null && _header!.Number == segment.Number)
        {
            return;
        }

        Dispose();
        _bufferLength = 0;
        try
        {
            _file = LogFiles.OpenForReading(_device, segment.Path);
        }
        catch (FileNotFoundException)
        {
            throw LogReplay.Missing(_progress, segment, wanted);
        }

        if (segment.Gaps is [{ FromByte: 0 } lost, ..])
        {
            _header = SegmentHeader.Lost(lost, _partitionCount);
            return;
        }

        var bytes = new byte[SegmentHeader.Bytes(_partitionCount)];
        _header = SegmentHeader.Decode(bytes.AsSpan(0, _file.Read(0, bytes)), _partitionCount, out var reason);
        if (_header is null || _header.Number != segment.Number)
        {
            Dispose();
            throw Corrupt(segment, 0, new LogSequence(segment.FirstSequence), _header is null ? reason : "the segment is not the one that was opened");
        }
    }

    /// <summary>The bytes at a position, fewer only where the durable part of the segment ends.</summary>
    private ReadOnlySpan<byte> Peek(SegmentInfo segment, long position, int bytes)
    {
        var at = position - _bufferStart;
        if (at < 0 || at + bytes > _bufferLength)
        {
            var wanted = (int)Math.Max(0, Math.Min(Math.Max(bytes, Limits.LookupReadBytes), EndOfSound(segment, position) - position));
            if (wanted > _buffer.Length)
            {
                _buffer = new byte[wanted];
            }

            (_bufferStart, _bufferLength, at) = (position, _file!.Read(position, _buffer.AsSpan(0, wanted)), 0);
        }

        return _buffer.AsSpan((int)at, Math.Min(bytes, _bufferLength - (int)at));
    }

    /// <summary>Where the next known gap begins, or the segment ends: the disk may not be able to read what lies in a gap.</summary>
    private static long EndOfSound(SegmentInfo segment, long position) =>
        segment.Gaps.IsEmpty ? segment.Bytes : segment.Gaps.Select(gap => gap.FromByte).Where(from => from > position).DefaultIfEmpty(segment.Bytes).Min();

    private static LogCorruptException Corrupt(SegmentInfo segment, long position, LogSequence sequence, string reason) =>
        new(segment.Path, position, sequence, new LogSequence(segment.NextSequence - 1), reason);
}
