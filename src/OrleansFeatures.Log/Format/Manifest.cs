using System.Buffers.Binary;
using System.Collections.Immutable;
using OrleansFeatures.Log.Inspection;

namespace OrleansFeatures.Log.Format;

/// <summary>
/// Which log this is and which segments must be there: without it a deleted first or last segment could not be told from one that never was.
/// <code>
///  0       8         12           16         32              40             48                                  end - 4
///  | magic | version | partitions | store id | first segment | last segment | (version 2: the gaps, GapList) | crc32c |
/// </code>
/// The last segment is written here after the segment exists, so the directory may hold one more; never one less. Gaps are damage that was skipped on request: they are kept here because
/// one rename then decides for all of them, and in a later version, which older programs refuse by name, only where there are any.
/// </summary>
internal sealed record Manifest(Guid StoreId, int PartitionCount, long FirstSegment, long LastSegment)
{
    /// <summary>The version of a manifest with gaps.</summary>
    public const int VersionWithGaps = 2;

    private const int FixedBytes = 48;
    private const int CrcBytes = 4;

    private static ReadOnlySpan<byte> Magic => "OFLOGMAN"u8;

    /// <summary>Skipped damage, in the order of the log.</summary>
    public ImmutableArray<LogDamage> Gaps { get; init; } = [];

    public int Version => Gaps.IsEmpty ? LogFiles.Version : VersionWithGaps;

    public ImmutableArray<LogDamage> GapsOf(long segment) => Gaps.IsEmpty ? [] : [.. Gaps.Where(gap => gap.Segment == segment)];

    public byte[] Encode()
    {
        byte[] gaps = Gaps.IsEmpty ? [] : GapList.Encode(Gaps);
        var bytes = new byte[FixedBytes + gaps.Length + CrcBytes];
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(8), Version);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(12), PartitionCount);
        StoreId.TryWriteBytes(bytes.AsSpan(16));
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(32), FirstSegment);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(40), LastSegment);
        gaps.CopyTo(bytes, FixedBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(^CrcBytes..), Crc32C.Of(bytes.AsSpan(..^CrcBytes)));
        return bytes;
    }

    /// <summary>Throws <see cref="LogCorruptException"/>, or <see cref="LogIncompatibleException"/> for a version that this program does not know.</summary>
    public static Manifest Read(ILogDevice device, string path)
    {
        using var file = LogFiles.OpenForReading(device, path);
        var bytes = new byte[Math.Min(file.Length, Limits.ManifestBytesMax)];
        if (bytes.Length < FixedBytes + CrcBytes || file.Read(0, bytes) != bytes.Length || !bytes.AsSpan().StartsWith(Magic)
            || BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(^CrcBytes..)) != Crc32C.Of(bytes.AsSpan(..^CrcBytes)))
        {
            throw Corrupt(path, 0, "the manifest is not what the log wrote (length, mark or checksum)");
        }

        var version = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(8));
        if (version is not (LogFiles.Version or VersionWithGaps))
        {
            throw new LogIncompatibleException(path, $"the log has format version {version}, this program knows versions {LogFiles.Version} and {VersionWithGaps}. Use a program that knows it.");
        }

        var rest = bytes.AsSpan(FixedBytes..^CrcBytes);
        var gaps = version == VersionWithGaps ? GapList.Decode(rest, Path.GetDirectoryName(path)!) : rest.IsEmpty ? [] : null;
        return new Manifest(new Guid(bytes.AsSpan(16, 16)), BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(12)),
            BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(32)), BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(40)))
        {
            Gaps = gaps ?? throw Corrupt(path, FixedBytes, "the manifest's list of gaps does not follow its format"),
        };
    }

    private static LogCorruptException Corrupt(string path, long position, string reason) => new(path, position, new LogSequence(0), LogSequence.None, reason);
}
