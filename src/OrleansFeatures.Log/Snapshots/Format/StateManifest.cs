using System.Buffers.Binary;
using System.Collections.Immutable;
using OrleansFeatures.Log.Format;

namespace OrleansFeatures.Log.Snapshots.Format;

/// <summary>What the manifest says of one state file; <see cref="FooterCrc"/> ties the file's every frame to it.</summary>
internal readonly record struct ManifestFile(long Number, long Bytes, long Records, long RecordBytes, long GarbageRecords, long GarbageBytes, long Checkpoint, uint FooterCrc);

/// <summary>
/// One checkpoint as a whole: its head and the files that hold its records, so that state and offsets become valid in one rename. It is written twice, under two names, so that one damaged copy costs nothing.
/// <code>
///  0       8         12      16         32       40            48        56        64          72           76      80     84  88              88+8P
///  | magic | version | bytes | store id | number | fingerprint | through | written | next file | partitions | files | blob | 0 | applied x P ... | 64 bytes per file ... | blob ... | crc32c |
/// </code>
/// In every version the last four bytes are the checksum of all before them: so a newer format is told from damage.
/// </summary>
internal sealed record StateManifest(Guid StoreId, long NextFile, SnapshotHead Head, ImmutableArray<ManifestFile> Files)
{
    private const int FixedBytes = 88;
    private const int FileBytes = 64;
    private const int CrcBytes = 4;

    /// <summary>The largest manifest: 88 + 4,096 partitions x 8 + 65,536 files x 64 + the blob, about 20 MB.</summary>
    public const int BytesMax = FixedBytes + 8 * Limits.PartitionCountMax + FileBytes * Limits.StateFilesMax + Limits.SnapshotBlobBytesMax + CrcBytes;

    private static ReadOnlySpan<byte> Magic => "OFSTATEM"u8;

    /// <summary>Before the first checkpoint: number 0, no files.</summary>
    public static StateManifest Empty(Guid storeId, int partitionCount) =>
        new(storeId, 1, new SnapshotHead { Fingerprint = 0, Through = LogSequence.None, Applied = [.. new long[partitionCount]] }, []);

    public byte[] Encode()
    {
        var bytes = new byte[FixedBytes + 8 * Head.Applied.Length + FileBytes * Files.Length + Head.Blob.Length + CrcBytes];
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(8), StateFileNames.Version);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(12), bytes.Length);
        StoreId.TryWriteBytes(bytes.AsSpan(16));
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(32), Head.Number);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(40), Head.Fingerprint);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(48), Head.Through.Value);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(56), Head.WrittenMicros);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(64), NextFile);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(72), Head.Applied.Length);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(76), Files.Length);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(80), Head.Blob.Length);
        var rest = bytes.AsSpan(FixedBytes);
        foreach (var applied in Head.Applied)
        {
            BinaryPrimitives.WriteInt64LittleEndian(rest, applied);
            rest = rest[8..];
        }

        foreach (var file in Files)
        {
            EncodeFile(rest, file);
            rest = rest[FileBytes..];
        }

        Head.Blob.Span.CopyTo(rest);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(^CrcBytes..), Crc32C.Of(bytes.AsSpan(..^CrcBytes)));
        return bytes;
    }

    /// <summary>Null when the bytes are damaged, with the reason; <see cref="LogIncompatibleException"/> when they are sound and of a version that this program does not know.</summary>
    public static StateManifest? Decode(ReadOnlySpan<byte> bytes, string path, out string reason)
    {
        reason = bytes.Length == 0 ? "the manifest is empty"
            : bytes.Length < FixedBytes + CrcBytes || !bytes.StartsWith(Magic) || BinaryPrimitives.ReadUInt32LittleEndian(bytes[^CrcBytes..]) != Crc32C.Of(bytes[..^CrcBytes])
                ? "the manifest is not what the store wrote (length, mark or checksum)"
                : "";
        if (reason.Length > 0)
        {
            return null;
        }

        var version = BinaryPrimitives.ReadInt32LittleEndian(bytes[8..]);
        if (version != StateFileNames.Version)
        {
            throw new LogIncompatibleException(path, $"the state has format version {version}, this program knows version {StateFileNames.Version}. Use a program that knows it.");
        }

        var (partitions, files, blob) = (BinaryPrimitives.ReadInt32LittleEndian(bytes[72..]), BinaryPrimitives.ReadInt32LittleEndian(bytes[76..]), BinaryPrimitives.ReadInt32LittleEndian(bytes[80..]));
        if (partitions is < 1 or > Limits.PartitionCountMax || files is < 0 or > Limits.StateFilesMax || blob is < 0 or > Limits.SnapshotBlobBytesMax
            || BinaryPrimitives.ReadInt32LittleEndian(bytes[12..]) != bytes.Length || FixedBytes + 8 * partitions + FileBytes * files + blob + CrcBytes != bytes.Length)
        {
            reason = "the manifest states counts that do not fit its length";
            return null;
        }

        return DecodeBody(bytes, partitions, files, blob);
    }

    private static StateManifest DecodeBody(ReadOnlySpan<byte> bytes, int partitions, int files, int blob)
    {
        var applied = ImmutableArray.CreateBuilder<long>(partitions);
        for (var i = 0; i < partitions; i++)
        {
            applied.Add(BinaryPrimitives.ReadInt64LittleEndian(bytes[(FixedBytes + 8 * i)..]));
        }

        var list = ImmutableArray.CreateBuilder<ManifestFile>(files);
        for (var i = 0; i < files; i++)
        {
            list.Add(DecodeFile(bytes[(FixedBytes + 8 * partitions + FileBytes * i)..]));
        }

        var head = new SnapshotHead
        {
            Fingerprint = BinaryPrimitives.ReadUInt64LittleEndian(bytes[40..]),
            Through = new LogSequence(BinaryPrimitives.ReadInt64LittleEndian(bytes[48..])),
            Applied = applied.MoveToImmutable(),
            Blob = bytes.Slice(FixedBytes + 8 * partitions + FileBytes * files, blob).ToArray(),
            Number = BinaryPrimitives.ReadInt64LittleEndian(bytes[32..]),
            WrittenMicros = BinaryPrimitives.ReadInt64LittleEndian(bytes[56..]),
        };
        return new StateManifest(new Guid(bytes.Slice(16, 16)), BinaryPrimitives.ReadInt64LittleEndian(bytes[64..]), head, list.MoveToImmutable());
    }

    private static void EncodeFile(Span<byte> bytes, in ManifestFile file)
    {
        BinaryPrimitives.WriteInt64LittleEndian(bytes, file.Number);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[8..], file.Bytes);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[16..], file.Records);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[24..], file.RecordBytes);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[32..], file.GarbageRecords);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[40..], file.GarbageBytes);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[48..], file.Checkpoint);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[56..], file.FooterCrc);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[60..], 0);
    }

    private static ManifestFile DecodeFile(ReadOnlySpan<byte> bytes) =>
        new(BinaryPrimitives.ReadInt64LittleEndian(bytes), BinaryPrimitives.ReadInt64LittleEndian(bytes[8..]), BinaryPrimitives.ReadInt64LittleEndian(bytes[16..]),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[24..]), BinaryPrimitives.ReadInt64LittleEndian(bytes[32..]), BinaryPrimitives.ReadInt64LittleEndian(bytes[40..]),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[48..]), BinaryPrimitives.ReadUInt32LittleEndian(bytes[56..]));
}
