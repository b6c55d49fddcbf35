using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace OrleansFeatures.Log.Format;

internal enum FrameKind : byte
{
    Record = 1,
    Group = 2,
    Footer = 3,
}

/// <summary>
/// The frame, the one unit of a segment behind its header. Drawn byte by byte in docs/log-format.md, which must follow this file.
/// <code>
///  0        4        8               16              24    26   27   28
///  | length | crc32c |    sequence   |     offset    | part|kind| 0  | payload ...
/// </code>
/// Length counts the whole frame, so that zero is never right. The checksum covers everything but itself and is seeded with the
/// checksum of the segment's header: a frame of another segment or another store never checks. Little-endian throughout.
/// </summary>
internal static class Frame
{
    public const int HeaderBytes = 28;
    public const int GroupBytes = HeaderBytes + 16;
    public const int FooterBytes = HeaderBytes + 16;
    public const int RecordBytesMax = HeaderBytes + Limits.RecordBytesMax;

    private const int CrcAt = 4;
    private const int SequenceAt = 8;
    private const int OffsetAt = 16;
    private const int PartitionAt = 24;
    private const int KindAt = 26;
    private const int ZeroAt = 27;

    public static uint Length(ReadOnlySpan<byte> frame) => BinaryPrimitives.ReadUInt32LittleEndian(frame);

    public static uint Crc(ReadOnlySpan<byte> frame) => BinaryPrimitives.ReadUInt32LittleEndian(frame[CrcAt..]);

    public static long Sequence(ReadOnlySpan<byte> frame) => BinaryPrimitives.ReadInt64LittleEndian(frame[SequenceAt..]);

    /// <summary>Of a record its offset in its partition; of a group or footer its own byte position, which is where the durable part ended before it.</summary>
    public static long Offset(ReadOnlySpan<byte> frame) => BinaryPrimitives.ReadInt64LittleEndian(frame[OffsetAt..]);

    public static int Partition(ReadOnlySpan<byte> frame) => BinaryPrimitives.ReadUInt16LittleEndian(frame[PartitionAt..]);

    public static FrameKind Kind(ReadOnlySpan<byte> frame) => (FrameKind)frame[KindAt];

    public static bool ReservedIsZero(ReadOnlySpan<byte> frame) => frame[ZeroAt] == 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Checksum(uint salt, ReadOnlySpan<byte> frame) =>
        ~Crc32C.Append(BitOperations.Crc32C(~salt, BinaryPrimitives.ReadUInt32LittleEndian(frame)), frame[SequenceAt..]);

    /// <summary>The salt with which this frame, if it is sound, was written.</summary>
    public static uint SaltOf(ReadOnlySpan<byte> frame) => ~Crc32C.Before(Crc32C.Before(~Crc(frame), frame[SequenceAt..]), frame[..CrcAt]);

    /// <summary>What the batch builder knows of a record. Sequence, offset and checksum follow in <see cref="Stamp"/>.</summary>
    public static void BeginRecord(Span<byte> frame, int partition)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(frame, (uint)frame.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(frame[PartitionAt..], (ushort)partition);
        frame[KindAt] = (byte)FrameKind.Record;
        frame[ZeroAt] = 0;
    }

    /// <summary>Gives the frame its place in the log and seals it with the checksum, which is returned.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Stamp(Span<byte> frame, uint salt, long sequence, long offset)
    {
        BinaryPrimitives.WriteInt64LittleEndian(frame[SequenceAt..], sequence);
        BinaryPrimitives.WriteInt64LittleEndian(frame[OffsetAt..], offset);
        var crc = Checksum(salt, frame);
        BinaryPrimitives.WriteUInt32LittleEndian(frame[CrcAt..], crc);
        return crc;
    }

    /// <summary>The header of a group commit: how many records and bytes follow, and when it was written. Its offset field is its own position.</summary>
    public static uint WriteGroup(Span<byte> frame, uint salt, long sequence, long position, int recordCount, int recordBytes, long committedAtMicros)
    {
        Prepare(frame[..GroupBytes], FrameKind.Group);
        BinaryPrimitives.WriteInt32LittleEndian(frame[HeaderBytes..], recordCount);
        BinaryPrimitives.WriteInt32LittleEndian(frame[(HeaderBytes + 4)..], recordBytes);
        BinaryPrimitives.WriteInt64LittleEndian(frame[(HeaderBytes + 8)..], committedAtMicros);
        return Stamp(frame[..GroupBytes], salt, sequence, position);
    }

    public static (int RecordCount, int RecordBytes, long CommittedAtMicros) ReadGroup(ReadOnlySpan<byte> frame) =>
        (BinaryPrimitives.ReadInt32LittleEndian(frame[HeaderBytes..]),
         BinaryPrimitives.ReadInt32LittleEndian(frame[(HeaderBytes + 4)..]),
         BinaryPrimitives.ReadInt64LittleEndian(frame[(HeaderBytes + 8)..]));

    /// <summary>The end of a sealed segment: its number of records and the chain of all frame checksums before this one.</summary>
    public static void WriteFooter(Span<byte> frame, uint salt, long nextSequence, long position, long recordCount, uint chain)
    {
        Prepare(frame[..FooterBytes], FrameKind.Footer);
        BinaryPrimitives.WriteInt64LittleEndian(frame[HeaderBytes..], recordCount);
        BinaryPrimitives.WriteUInt32LittleEndian(frame[(HeaderBytes + 8)..], chain);
        BinaryPrimitives.WriteUInt32LittleEndian(frame[(HeaderBytes + 12)..], 0);
        Stamp(frame[..FooterBytes], salt, nextSequence, position);
    }

    public static (long RecordCount, uint Chain, uint Zero) ReadFooter(ReadOnlySpan<byte> frame) =>
        (BinaryPrimitives.ReadInt64LittleEndian(frame[HeaderBytes..]),
         BinaryPrimitives.ReadUInt32LittleEndian(frame[(HeaderBytes + 8)..]),
         BinaryPrimitives.ReadUInt32LittleEndian(frame[(HeaderBytes + 12)..]));

    private static void Prepare(Span<byte> frame, FrameKind kind)
    {
        frame.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(frame, (uint)frame.Length);
        frame[KindAt] = (byte)kind;
    }
}
