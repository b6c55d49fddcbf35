using OrleansFeatures.Log.Commit;
using OrleansFeatures.Log.Format;

namespace OrleansFeatures.Log;

/// <summary>
/// Follows the log's end. The segment that it stands in stays open between reads, and with it everything that the next frame must agree with; what has been written since only moves the end of what may be read:
/// <code>
///   segment   | G r r r G r r | G r r r r r | F        next segment | G r ...
///   read 1 ───────────────────^ end then     ^ end now: whole groups, or the footer; behind that the next segment is opened
/// </code>
/// So a read costs what is new, however long the segment is. It keeps no segment from being dropped.
/// </summary>
internal sealed class LogCursor(ILogDevice device, int partitionCount, LogProgress progress, LogSequence from) : IRecordCursor
{
    private SegmentReader? _reader;
    private SegmentInfo? _segment;
    private long _next = from.Value;

    public LogSequence Read<TVisitor>(LogSequence to, ref TVisitor visitor, CancellationToken cancellationToken = default)
        where TVisitor : ILogVisitor, allows ref struct
    {
        bool goesOn = true;
        while (goesOn && _next <= to.Value && Enter())
        {
            goesOn = ReadSegment(to, ref visitor, cancellationToken);
        }

        return new LogSequence(_next - 1);
    }

    public void Dispose()
    {
        _reader?.Dispose();
        _reader = null;
    }

    /// <summary>Stands in the segment of the next record, with as much of it as is durable. False where the durable log ends before that record.</summary>
    private bool Enter()
    {
        LogView view = progress.View;
        if (_reader is not null)
        {
            bool isActive = view.Active?.Number == _segment!.Number;
            _segment = isActive ? view.Active : view.Sealed.FirstOrDefault(segment => segment.Number == _segment.Number);
            if (_segment is not null && (isActive || _next < _segment.NextSequence))
            {
                _reader.Extend(_segment.Bytes);
                return _next < _segment.NextSequence;
            }

            // It has been read to its end, or dropped.
            Dispose();
        }

        if (_next < view.First.Value)
        {
            throw new LogTruncatedException(new LogSequence(_next), view.First);
        }

        _segment = view.Sealed.FirstOrDefault(segment => segment.NextSequence > _next) ?? (view.Active?.NextSequence > _next ? view.Active : null);
        if (_segment is null)
        {
            return false;
        }

        _reader = LogReplay.Open(device, partitionCount, progress, _segment);
        _reader.SkipTo(_next);
        _reader.ReadAheadBytes = Limits.CursorReadBytes;
        return true;
    }

    /// <summary>Whether the next segment is to be read as well.</summary>
    private bool ReadSegment<TVisitor>(LogSequence to, ref TVisitor visitor, CancellationToken cancellationToken)
        where TVisitor : ILogVisitor, allows ref struct
    {
        for (int frames = 0; _reader!.Cursor.NextSequence <= to.Value; frames++)
        {
            if (frames % LogReplay.FramesPerCancellationCheck == 0)
            {
                cancellationToken.ThrowIfCancellationRequested();
            }

            ReadOnlySpan<byte> frame = _reader.Next();
            if (frame.IsEmpty)
            {
                _next = Math.Max(_next, _reader.Cursor.NextSequence);
                return LogReplay.AtEnd(_reader, _segment!);
            }

            if (Frame.Kind(frame) == FrameKind.Record && Frame.Sequence(frame) >= _next)
            {
                var record = new LogRecord(frame);
                _next = record.Sequence.Value + 1;
                if (!visitor.Visit(record))
                {
                    return false;
                }
            }
        }

        // A known gap may have been leapt over: what lay in it is behind this now.
        _next = Math.Max(_next, Math.Min(_reader.Cursor.NextSequence, to.Value + 1));
        return false;
    }
}
