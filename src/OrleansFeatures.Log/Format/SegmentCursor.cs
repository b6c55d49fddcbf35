using System.Collections.Immutable;
using OrleansFeatures.Log.Inspection;

namespace OrleansFeatures.Log.Format;

/// <summary>Where reading or writing stands in one segment: everything that the next frame must agree with.</summary>
internal sealed class SegmentCursor
{
    private SegmentCursor(SegmentHeader header, long position)
    {
        (StoreId, Number, FirstSequence, Salt) = (header.StoreId, header.Number, header.FirstSequence, header.Salt);
        (Position, NextSequence, Chain) = (position, header.FirstSequence, header.Salt);
        NextOffsets = [.. header.NextOffsets];
    }

    public Guid StoreId { get; }

    public long Number { get; }

    public long FirstSequence { get; }

    /// <summary>The checksum of the segment's header, which seeds every frame's.</summary>
    public uint Salt { get; }

    /// <summary>Byte position of the next frame.</summary>
    public long Position { get; set; }

    public long NextSequence { get; set; }

    /// <summary>Per partition the offset of its next record.</summary>
    public long[] NextOffsets { get; }

    /// <summary>The checksums of all frames so far, fed one after the other into one CRC that starts from the header's.</summary>
    public uint Chain { get; set; }

    /// <summary>When the newest group was written, as its header says; null before the first.</summary>
    public long? LastGroupMicros { get; set; }

    public long Records => NextSequence - FirstSequence;

    public static SegmentCursor AtStart(SegmentHeader header) => At(header, SegmentHeader.Bytes(header.NextOffsets.Length));

    public static SegmentCursor At(SegmentHeader header, long position) => new(header, position);
}

/// <summary>
/// One segment as readers know it: whole groups from its header up to <see cref="Bytes"/>, records <see cref="FirstSequence"/> to before <see cref="NextSequence"/>. The time of its
/// last group is null where there is none or nobody has looked yet. Gaps are damage that was skipped: its records are counted and cannot be read.
/// </summary>
internal sealed record SegmentInfo(long Number, string Path, long FirstSequence, long NextSequence, long Bytes, long? LastGroupMicros, ImmutableArray<LogDamage> Gaps)
{
    public static readonly IComparer<SegmentInfo> ByNumber = Comparer<SegmentInfo>.Create((x, y) => x.Number.CompareTo(y.Number));

    public static SegmentInfo Of(SegmentCursor cursor, string path, ImmutableArray<LogDamage> gaps) =>
        new(cursor.Number, path, cursor.FirstSequence, cursor.NextSequence, cursor.Position, cursor.LastGroupMicros, gaps);
}
