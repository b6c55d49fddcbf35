using System.Buffers.Binary;
using OrleansFeatures.Log.Format;

namespace OrleansFeatures.Log.Snapshots.Format;

/// <summary>
/// The start of a state file.
/// <code>
///  0       8         12             16         32       40           48           52   56
///  | magic | version | header bytes | store id | number | checkpoint | partitions | 0 | crc32c |
/// </code>
/// </summary>
internal sealed record StateFileHeader(Guid StoreId, long Number, long Checkpoint, int PartitionCount)
{
    public const int Bytes = 60;

    private static ReadOnlySpan<byte> Magic => "OFSTATEF"u8;

    /// <summary>The checksum of the encoded header: the first thing that every frame checksum of this file is fed with.</summary>
    public uint Salt { get; private init; }

    public byte[] Encode(out uint salt)
    {
        var bytes = new byte[Bytes];
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(8), StateFileNames.Version);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(12), Bytes);
        StoreId.TryWriteBytes(bytes.AsSpan(16));
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(32), Number);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(40), Checkpoint);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(48), PartitionCount);
        salt = Crc32C.Of(bytes.AsSpan(..^4));
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(^4..), salt);
        return bytes;
    }

    /// <summary>Null when the bytes are not a sound header of this version; the reason says which part is wrong.</summary>
    public static StateFileHeader? Decode(ReadOnlySpan<byte> bytes, out string reason)
    {
        if (bytes.Length < Bytes)
        {
            reason = bytes.Length == 0 ? "the state file is empty" : "the state file ends inside its header";
            return null;
        }

        bytes = bytes[..Bytes];
        var crc = BinaryPrimitives.ReadUInt32LittleEndian(bytes[^4..]);
        reason = !bytes.StartsWith(Magic) ? "the file does not begin with the mark of a state file"
            : crc != Crc32C.Of(bytes[..^4]) ? "the state file's header does not match its checksum"
            : BinaryPrimitives.ReadInt32LittleEndian(bytes[8..]) != StateFileNames.Version ? "the state file has another format version than its manifest"
            : BinaryPrimitives.ReadInt32LittleEndian(bytes[12..]) != Bytes ? "the state file's header has another length"
            : "";
        return reason.Length > 0
            ? null
            : new StateFileHeader(new Guid(bytes.Slice(16, 16)), BinaryPrimitives.ReadInt64LittleEndian(bytes[32..]),
                BinaryPrimitives.ReadInt64LittleEndian(bytes[40..]), BinaryPrimitives.ReadInt32LittleEndian(bytes[48..])) { Salt = crc };
    }
}
