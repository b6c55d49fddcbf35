using OrleansFeatures.Log.Commit;
using OrleansFeatures.Log.Format;

namespace OrleansFeatures.Log;

/// <summary>Reads durable records back, segment by segment, on the caller's thread and through its own file handles, so that appends go on meanwhile.</summary>
internal static class LogReplay
{
    /// <summary>How often the caller's cancellation is looked at: every 4,096 frames, well below a millisecond.</summary>
    internal const int FramesPerCancellationCheck = 4_096;

    public static LogSequence Run<TVisitor>(ILogDevice device, int partitionCount, PositionIndex positions, LogProgress progress, LogSequence from, LogSequence to, ref TVisitor visitor, CancellationToken cancellationToken)
        where TVisitor : ILogVisitor, allows ref struct
    {
        var view = progress.View;
        if (from.CompareTo(view.First) < 0)
        {
            throw new LogTruncatedException(from, view.First);
        }

        var last = new LogSequence(from.Value - 1);
        foreach (var segment in view.Active is null ? view.Sealed : view.Sealed.Add(view.Active))
        {
            if (segment.NextSequence > from.Value && segment.FirstSequence <= to.Value
                && !ReadSegment(device, partitionCount, positions, progress, segment, from, to, ref last, ref visitor, cancellationToken))
            {
                break;
            }
        }

        return last;
    }

    private static bool ReadSegment<TVisitor>(ILogDevice device, int partitionCount, PositionIndex positions, LogProgress progress, SegmentInfo segment, LogSequence from, LogSequence to, ref LogSequence last, ref TVisitor visitor, CancellationToken cancellationToken)
        where TVisitor : ILogVisitor, allows ref struct
    {
        using var reader = Open(device, partitionCount, progress, segment);
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

    /// <summary>Whether nothing is left to read in the segment, as it should be.</summary>
    internal static bool AtEnd(SegmentReader reader, SegmentInfo segment)
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

    /// <summary>Opens a segment that a look at the log names; it may have been dropped since.</summary>
    public static SegmentReader Open(ILogDevice device, int partitionCount, LogProgress progress, SegmentInfo segment)
    {
        ILogFile file;
        try
        {
            file = LogFiles.OpenForReading(device, segment.Path);
        }
        catch (FileNotFoundException)
        {
            throw Missing(progress, segment, new LogSequence(segment.FirstSequence));
        }

        var reader = SegmentReader.Open(file, partitionCount, segment.Bytes, segment.Gaps, out var header, out var reason);
        if (reader is not null && header!.Number == segment.Number && (header.FirstSequence == segment.FirstSequence || header.IsLost))
        {
            return reader;
        }

        file.Dispose();
        throw Corrupt(segment, reader is null ? reason : "the segment is not the one that was opened");
    }

    /// <summary>A segment's file is gone: dropped by a truncation meanwhile, or by a stranger.</summary>
    public static LogException Missing(LogProgress progress, SegmentInfo segment, LogSequence wanted) =>
        progress.View.First is var first && segment.FirstSequence < first.Value
            ? new LogTruncatedException(wanted, first)
            : Corrupt(segment, "the segment was deleted while the log is open");

    public static LogCorruptException Corrupt(SegmentInfo segment, string reason) =>
        new(segment.Path, 0, new LogSequence(segment.FirstSequence), new LogSequence(segment.NextSequence - 1), reason);
}
