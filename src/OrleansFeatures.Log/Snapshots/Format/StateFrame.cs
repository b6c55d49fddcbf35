using System.Buffers.Binary;
using System.Numerics;
using OrleansFeatures.Log.Format;

namespace OrleansFeatures.Log.Snapshots.Format;

/// <summary>Frames that the store writes for itself, numbered behind <see cref="StateRecordKind"/>.</summary>
internal static class StateFrameKinds
{
    public const byte Index = 16;
    public const byte Footer = 17;

    public static bool IsRecord(byte kind) => kind is >= (byte)StateRecordKind.Entity and <= (byte)StateRecordKind.Page;
}

/// <summary>
/// The frame, the one unit of a state file behind its header: records, blocks of the index, the footer. Drawn byte by byte in docs/state-format.md, which must follow this file.
/// <code>
///  0        4        8      16      24            28    32          34     35  36
///  | length | crc32c | hash | check | entity type | tag | partition | kind | 0 | payload ...
/// </code>
/// Length counts the whole frame, so that zero is never right. The checksum covers everything but itself and is fed first with the checksum of the file's header and with the frame's own position:
/// a frame of another file, or one that a disk brought from another place, never checks. Little-endian throughout.
/// </summary>
internal static class StateFrame
{
    public const int HeaderBytes = 36;
    public const int BytesMax = HeaderBytes + Limits.StateRecordBytesMax;

    private const int CrcAt = 4;
    private const int HashAt = 8;
    private const int CheckAt = 16;
    private const int EntityTypeAt = 24;
    private const int TagAt = 28;
    private const int PartitionAt = 32;
    private const int KindAt = 34;
    private const int ZeroAt = 35;

    public static uint Length(ReadOnlySpan<byte> frame) => BinaryPrimitives.ReadUInt32LittleEndian(frame);

    public static uint Crc(ReadOnlySpan<byte> frame) => BinaryPrimitives.ReadUInt32LittleEndian(frame[CrcAt..]);

    public static ulong Hash(ReadOnlySpan<byte> frame) => BinaryPrimitives.ReadUInt64LittleEndian(frame[HashAt..]);

    public static ulong Check(ReadOnlySpan<byte> frame) => BinaryPrimitives.ReadUInt64LittleEndian(frame[CheckAt..]);

    public static uint EntityType(ReadOnlySpan<byte> frame) => BinaryPrimitives.ReadUInt32LittleEndian(frame[EntityTypeAt..]);

    public static uint Tag(ReadOnlySpan<byte> frame) => BinaryPrimitives.ReadUInt32LittleEndian(frame[TagAt..]);

    public static int Partition(ReadOnlySpan<byte> frame) => BinaryPrimitives.ReadUInt16LittleEndian(frame[PartitionAt..]);

    public static byte Kind(ReadOnlySpan<byte> frame) => frame[KindAt];

    public static bool ReservedIsZero(ReadOnlySpan<byte> frame) => frame[ZeroAt] == 0;

    public static StateEntry Entry(ReadOnlySpan<byte> frame, StatePlace place) =>
        new((StateRecordKind)Kind(frame), Partition(frame), EntityType(frame), Hash(frame), Check(frame), place, (int)Length(frame), Tag(frame));

    /// <summary>Writes the header of a frame whose payload lies elsewhere, checksum included, and returns the checksum.</summary>
    public static uint WriteHeader(Span<byte> header, byte kind, int partition, uint entityType, ulong hash, ulong check, uint tag, ReadOnlySpan<byte> payload, uint salt, long position)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(header, (uint)(HeaderBytes + payload.Length));
        BinaryPrimitives.WriteUInt64LittleEndian(header[HashAt..], hash);
        BinaryPrimitives.WriteUInt64LittleEndian(header[CheckAt..], check);
        BinaryPrimitives.WriteUInt32LittleEndian(header[EntityTypeAt..], entityType);
        BinaryPrimitives.WriteUInt32LittleEndian(header[TagAt..], tag);
        BinaryPrimitives.WriteUInt16LittleEndian(header[PartitionAt..], (ushort)partition);
        header[KindAt] = kind;
        header[ZeroAt] = 0;
        var crc = ~Crc32C.Append(Crc32C.Append(Seed(salt, position, header), header[HashAt..HeaderBytes]), payload);
        BinaryPrimitives.WriteUInt32LittleEndian(header[CrcAt..], crc);
        return crc;
    }

    public static uint Checksum(uint salt, long position, ReadOnlySpan<byte> frame) => ~Crc32C.Append(Seed(salt, position, frame), frame[HashAt..]);

    private static uint Seed(uint salt, long position, ReadOnlySpan<byte> frame) =>
        BitOperations.Crc32C(BitOperations.Crc32C(~salt, (ulong)position), Length(frame));
}
