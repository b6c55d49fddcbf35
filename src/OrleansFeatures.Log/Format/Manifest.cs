using System.Buffers.Binary;

namespace OrleansFeatures.Log.Format;

/// <summary>
/// Which log this is and which segments must be there: without it a deleted first or last segment could not be told from one that never was.
/// <code>
///  0       8         12           16         32              40             48
///  | magic | version | partitions | store id | first segment | last segment | crc32c |
/// </code>
/// The last segment is written here after the segment exists, so the directory may hold one more; never one less.
/// </summary>
internal sealed record Manifest(Guid StoreId, int PartitionCount, long FirstSegment, long LastSegment)
{
    private const int Bytes = 52;

    private static ReadOnlySpan<byte> Magic => "OFLOGMAN"u8;

    public byte[] Encode()
    {
        var bytes = new byte[Bytes];
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(8), LogFiles.Version);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(12), PartitionCount);
        StoreId.TryWriteBytes(bytes.AsSpan(16));
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(32), FirstSegment);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(40), LastSegment);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(48), Crc32C.Of(bytes.AsSpan(..48)));
        return bytes;
    }

    /// <summary>Throws <see cref="LogCorruptException"/>, or <see cref="LogIncompatibleException"/> for a version that this program does not know.</summary>
    public static Manifest Read(ILogDevice device, string path)
    {
        using var file = device.Open(path, LogFileAccess.Read);
        Span<byte> bytes = stackalloc byte[Bytes];
        if (file.Length != Bytes || file.Read(0, bytes) != Bytes || !bytes.StartsWith(Magic)
            || BinaryPrimitives.ReadUInt32LittleEndian(bytes[48..]) != Crc32C.Of(bytes[..48]))
        {
            throw new LogCorruptException(path, 0, new LogSequence(0), LogSequence.None, "the manifest is not what the log wrote (length, mark or checksum)");
        }

        var version = BinaryPrimitives.ReadInt32LittleEndian(bytes[8..]);
        if (version != LogFiles.Version)
        {
            throw new LogIncompatibleException(path, $"the log has format version {version}, this program knows version {LogFiles.Version}. Use a program that knows it.");
        }

        return new Manifest(new Guid(bytes.Slice(16, 16)), BinaryPrimitives.ReadInt32LittleEndian(bytes[12..]),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[32..]), BinaryPrimitives.ReadInt64LittleEndian(bytes[40..]));
    }
}
