using OrleansFeatures.Log.Commit;
using OrleansFeatures.Log.Format;

namespace OrleansFeatures.Log;

/// <summary>Reads durable records back, segment by segment, on the caller's thread and through its own file handles, so that appends go on meanwhile.</summary>
internal static class LogReplay
{
    /// <summary>How often the caller's cancellation is looked at: every 4,096 frames, well below a millisecond.</summary>
    private const int FramesPerCancellationCheck = 4_096;

    public static LogSequence Run<TVisitor>(ILogDevice device, int partitionCount, PositionIndex positions, LogView view, LogSequence from, LogSequence to, ref TVisitor visitor, CancellationToken cancellationToken)
        where TVisitor : ILogVisitor, allows ref struct
    {
        var last = new LogSequence(from.Value - 1);
        foreach (var segment in view.Active is null ? view.Sealed : view.Sealed.Add(view.Active))
        {
            if (segment.NextSequence > from.Value && segment.FirstSequence <= to.Value
                && !ReadSegment(device, partitionCount, positions, segment, from, to, ref last, ref visitor, cancellationToken))
            {
                break;
            }
        }

        return last;
    }

    private static bool ReadSegment<TVisitor>(ILogDevice device, int partitionCount, PositionIndex positions, SegmentInfo segment, LogSequence from, LogSequence to, ref LogSequence last, ref TVisitor visitor, CancellationToken cancellationToken)
        where TVisitor : ILogVisitor, allows ref struct
    {
        using var reader = Open(device, partitionCount, segment);
        if (segment.FirstSequence < from.Value)
        {
            reader.SkipTo(from.Value);
        }

        var nextMark = 0L;
        for (var frames = 0; ; frames++)
        {
            if (reader.Cursor.Position >= nextMark)
            {
                positions.Note(segment.Number, reader.Cursor.NextSequence, reader.Cursor.Position);
                nextMark = reader.Cursor.Position + Limits.PositionSpacingBytes;
            }

            if (frames % FramesPerCancellationCheck == 0)
            {
                cancellationToken.ThrowIfCancellationRequested();
            }

            var frame = reader.Next();
            if (frame.IsEmpty)
            {
                return AtEnd(reader, segment);
            }

            if (Frame.Kind(frame) != FrameKind.Record || Frame.Sequence(frame) < from.Value)
            {
                continue;
            }

            var record = new LogRecord(frame);
            if (record.Sequence.Value > to.Value)
            {
                return false;
            }

            last = record.Sequence;
            if (!visitor.Visit(record))
            {
                return false;
            }
        }
    }

    private static bool AtEnd(SegmentReader reader, SegmentInfo segment)
    {
        var next = reader.Cursor.NextSequence;
        if (reader.Damage is { } damage)
        {
            throw new LogCorruptException(segment.Path, damage.Position, new LogSequence(next), new LogSequence(segment.NextSequence - 1), damage.Reason);
        }

        return next == segment.NextSequence
            ? true
            : throw new LogCorruptException(segment.Path, reader.Cursor.Position, new LogSequence(next), new LogSequence(segment.NextSequence - 1), "the segment ends before its last record");
    }

    private static SegmentReader Open(ILogDevice device, int partitionCount, SegmentInfo segment)
    {
        ILogFile file;
        try
        {
            file = device.Open(segment.Path, LogFileAccess.Read);
        }
        catch (FileNotFoundException)
        {
            throw Corrupt(segment, "the segment was deleted while the log is open");
        }

        var reader = SegmentReader.Open(file, partitionCount, segment.Bytes, out var header, out var reason);
        if (reader is not null && header!.Number == segment.Number && header.FirstSequence == segment.FirstSequence)
        {
            return reader;
        }

        file.Dispose();
        throw Corrupt(segment, reader is null ? reason : "the segment is not the one that was opened");
    }

    private static LogCorruptException Corrupt(SegmentInfo segment, string reason) =>
        new(segment.Path, 0, new LogSequence(segment.FirstSequence), new LogSequence(segment.NextSequence - 1), reason);
}
