using OrleansFeatures.Log.Format;

namespace OrleansFeatures.Log.Recovery;

/// <summary>Where one segment ended: what the next one's header must say. Offsets are null when the segment was not read through.</summary>
internal sealed record SegmentEnd(long NextSequence, uint Chain, long[]? NextOffsets)
{
    /// <summary>Null when the header continues this end.</summary>
    public static string? Mismatch(SegmentEnd? before, SegmentHeader header, Manifest manifest, long number) =>
        header.StoreId != manifest.StoreId ? "the segment belongs to another log"
        : header.Number != number ? $"the segment states number {header.Number}"
        : before is null ? null
        : header.FirstSequence != before.NextSequence ? $"the segment begins with sequence {header.FirstSequence} where {before.NextSequence} must be"
        : header.PreviousChain != before.Chain ? "the segment before it is not the one that it was written after"
        : before.NextOffsets is not null && !before.NextOffsets.AsSpan().SequenceEqual(header.NextOffsets) ? "the segment's base offsets do not continue the segment before it"
        : null;
}

/// <summary>A segment that has a successor was sealed and synced: whatever is wrong in it is damage.</summary>
internal sealed class SealedSegment(LogOptions options, ILogDevice device, Manifest manifest, long number)
{
    private readonly string _path = Path.Combine(options.Directory, LogFiles.Segment(number));

    /// <summary>Reads and checks every byte.</summary>
    public SegmentInfo VerifyAll(ref SegmentEnd? before)
    {
        var file = device.Open(_path, LogFileAccess.Read);
        using var reader = SegmentReader.Open(file, manifest.PartitionCount, null, manifest.GapsOf(number), out var header, out var reason);
        if (reader is null)
        {
            file.Dispose();
            throw Corrupt(0, before?.NextSequence ?? 0, reason);
        }

        RequireContinuation(before, header!);
        while (!reader.Next().IsEmpty)
        {
        }

        var cursor = reader.Cursor;
        if (reader.Damage is { } damage)
        {
            throw Corrupt(damage.Position, cursor.NextSequence, damage.Reason);
        }

        if (!reader.Sealed)
        {
            throw Corrupt(cursor.Position, cursor.NextSequence, "the segment ends without its footer, although a later segment exists");
        }

        before = new SegmentEnd(cursor.NextSequence, cursor.Chain, cursor.NextOffsets);
        return SegmentInfo.Of(cursor, _path, manifest.GapsOf(number));
    }

    /// <summary>Reads header and footer only; replay checks what lies between.</summary>
    public SegmentInfo VerifyEnds(ref SegmentEnd? before)
    {
        using var file = device.Open(_path, LogFileAccess.Read);
        var bytes = new byte[SegmentHeader.Bytes(manifest.PartitionCount)];
        var header = SegmentHeader.Decode(bytes.AsSpan(0, file.Read(0, bytes)), manifest.PartitionCount, out var reason)
            ?? throw Corrupt(0, before?.NextSequence ?? 0, reason);
        RequireContinuation(before, header);

        var position = Math.Max(bytes.Length, file.Length - Frame.FooterBytes);
        var footer = new byte[Frame.FooterBytes];
        if (file.Read(position, footer) != Frame.FooterBytes || Frame.Length(footer) != Frame.FooterBytes || Frame.Kind(footer) != FrameKind.Footer
            || Frame.Crc(footer) != Frame.Checksum(header.Salt, footer) || Frame.Offset(footer) != position)
        {
            throw Corrupt(position, header.FirstSequence, "the segment does not end with a sound footer, although a later segment exists");
        }

        before = new SegmentEnd(Frame.Sequence(footer), System.Numerics.BitOperations.Crc32C(Frame.ReadFooter(footer).Chain, Frame.Crc(footer)), null);
        return new SegmentInfo(number, _path, header.FirstSequence, before.NextSequence, file.Length, LastGroupMicros: null, []);
    }

    private void RequireContinuation(SegmentEnd? before, SegmentHeader header)
    {
        if (SegmentEnd.Mismatch(before, header, manifest, number) is { } mismatch)
        {
            throw Corrupt(0, before?.NextSequence ?? header.FirstSequence, mismatch);
        }
    }

    private LogCorruptException Corrupt(long position, long sequence, string reason) =>
        new(_path, position, new LogSequence(sequence), LastSequence(), reason);

    /// <summary>The range in the message ends where the next segment's header says that it begins, if that header is sound.</summary>
    private LogSequence LastSequence()
    {
        using var file = device.Open(Path.Combine(options.Directory, LogFiles.Segment(number + 1)), LogFileAccess.Read);
        var bytes = new byte[SegmentHeader.Bytes(manifest.PartitionCount)];
        var next = SegmentHeader.Decode(bytes.AsSpan(0, file.Read(0, bytes)), manifest.PartitionCount, out _);
        return next is null ? LogSequence.None : new LogSequence(next.FirstSequence - 1);
    }
}
