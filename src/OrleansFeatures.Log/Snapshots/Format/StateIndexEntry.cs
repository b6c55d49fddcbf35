using System.Buffers.Binary;

namespace OrleansFeatures.Log.Snapshots.Format;

/// <summary>
/// One record in a block of the index.
/// <code>
///  0      8       16         24       28            32    36          38     39  40
///  | hash | check | position | length | entity type | tag | partition | kind | 0 |
/// </code>
/// A block is a frame of its own among the records that it lists; its header's hash is the position of the block before it (0: none), its check the number of entries.
/// </summary>
internal static class StateIndexEntry
{
    public const int Bytes = 40;

    public static void Write(Span<byte> bytes, in StateEntry entry)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, entry.Hash);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[8..], entry.Check);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[16..], entry.Place.Position);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[24..], entry.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[28..], entry.EntityType);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[32..], entry.Tag);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[36..], (ushort)entry.Partition);
        bytes[38] = (byte)entry.Kind;
        bytes[39] = 0;
    }

    public static StateEntry Read(ReadOnlySpan<byte> bytes, long file) =>
        new((StateRecordKind)bytes[38], BinaryPrimitives.ReadUInt16LittleEndian(bytes[36..]), BinaryPrimitives.ReadUInt32LittleEndian(bytes[28..]),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes), BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]),
            StatePlace.At(file, BinaryPrimitives.ReadInt64LittleEndian(bytes[16..]) & StatePlace.PositionMax),
            BinaryPrimitives.ReadInt32LittleEndian(bytes[24..]), BinaryPrimitives.ReadUInt32LittleEndian(bytes[32..]));
}
