using System.Buffers.Binary;

namespace OrleansFeatures.Log.Format;

/// <summary>
/// A note beside the segments of how far the log is durable, written after every commit and not synced (except on closing).
/// It can only lag: where it survives, everything before it had been acknowledged, and damage there is damage and not a torn tail. Lost
/// or torn it proves nothing and costs nothing.
/// <code>
///  0       8         12  16         32        40         48               56
///  | magic | version | 0 | store id | segment | position | next sequence  | crc32c |
/// </code>
/// </summary>
internal readonly record struct DurableMark(long Segment, long Position, long NextSequence)
{
    public const int Bytes = 60;

    private static ReadOnlySpan<byte> Magic => "OFLOGDUR"u8;

    public void Encode(Span<byte> bytes, Guid storeId)
    {
        bytes = bytes[..Bytes];
        bytes.Clear();
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[8..], LogFiles.Version);
        storeId.TryWriteBytes(bytes[16..]);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[32..], Segment);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[40..], Position);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[48..], NextSequence);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[56..], Crc32C.Of(bytes[..56]));
    }

    /// <summary>The mark, or null if there is none to trust.</summary>
    public static DurableMark? Read(ILogDevice device, string path, Guid storeId)
    {
        Span<byte> bytes = stackalloc byte[Bytes];
        var sound = TryRead(device, path, bytes) && bytes.StartsWith(Magic)
            && BinaryPrimitives.ReadInt32LittleEndian(bytes[8..]) == LogFiles.Version
            && new Guid(bytes.Slice(16, 16)) == storeId
            && BinaryPrimitives.ReadUInt32LittleEndian(bytes[56..]) == Crc32C.Of(bytes[..56]);
        return sound
            ? new DurableMark(BinaryPrimitives.ReadInt64LittleEndian(bytes[32..]), BinaryPrimitives.ReadInt64LittleEndian(bytes[40..]), BinaryPrimitives.ReadInt64LittleEndian(bytes[48..]))
            : null;
    }

    /// <summary>A mark that the disk cannot read is a lost one; the next commit writes it anew.</summary>
    private static bool TryRead(ILogDevice device, string path, Span<byte> bytes)
    {
        try
        {
            using var file = LogFiles.OpenForReading(device, path);
            return file.Read(0, bytes) == Bytes;
        }
        catch (LogReadException)
        {
            return false;
        }
    }
}
