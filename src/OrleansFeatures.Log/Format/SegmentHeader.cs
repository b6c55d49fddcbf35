using System.Buffers.Binary;
using OrleansFeatures.Log.Inspection;

namespace OrleansFeatures.Log.Format;

/// <summary>
/// The start of a segment. It states where every counter stands, so that old segments can be deleted and offsets stay. Written and
/// synced before the segment gets its name, hence never torn: any mismatch is damage.
/// <code>
///  0       8         12             16         32       40               48           52               56                    56+8P
///  | magic | version | header bytes | store id | number | first sequence | partitions | previous chain | next offset x P ... | crc32c |
/// </code>
/// </summary>
internal sealed record SegmentHeader(Guid StoreId, long Number, long FirstSequence, uint PreviousChain, long[] NextOffsets)
{
    private const int FixedBytes = 56;

    private static ReadOnlySpan<byte> Magic => "OFLOGSEG"u8;

    /// <summary>The checksum of the encoded header: the seed of every frame checksum and of the chain in this segment.</summary>
    public uint Salt { get; private init; }

    /// <summary>Whether this stands for a damaged header that a known gap covers: store, chain and offsets are not known.</summary>
    public bool IsLost => StoreId == Guid.Empty;

    public static SegmentHeader Lost(LogDamage gap, int partitionCount)
    {
        var unknown = new long[partitionCount];
        unknown.AsSpan().Fill(SegmentReader.Unknown);
        return new SegmentHeader(Guid.Empty, gap.Segment, gap.First.Value, 0, unknown) { Salt = gap.Salt };
    }

    /// <summary>Whether its counters can be a log's: none below zero, and none so far up that it would run over. Others, with a sound checksum, were written by no version of this program.</summary>
    private bool IsPossible => Number > 0 && FirstSequence is >= 0 and <= Limits.SequenceMax && NextOffsets.All(offset => offset is >= 0 and <= Limits.SequenceMax);

    public static int Bytes(int partitionCount) => FixedBytes + 8 * partitionCount + 4;

    public byte[] Encode(out SegmentHeader salted)
    {
        var bytes = new byte[Bytes(NextOffsets.Length)];
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(8), LogFiles.Version);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(12), bytes.Length);
        StoreId.TryWriteBytes(bytes.AsSpan(16));
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(32), Number);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(40), FirstSequence);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(48), NextOffsets.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(52), PreviousChain);
        for (var i = 0; i < NextOffsets.Length; i++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(FixedBytes + 8 * i), NextOffsets[i]);
        }

        var crc = Crc32C.Of(bytes.AsSpan(..^4));
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(^4..), crc);
        salted = this with { Salt = crc };
        return bytes;
    }

    /// <summary>Null when the bytes are not a sound header of this version with that many partitions; the reason says which part is wrong.</summary>
    public static SegmentHeader? Decode(ReadOnlySpan<byte> bytes, int partitionCount, out string reason)
    {
        var wanted = Bytes(partitionCount);
        if (bytes.Length < wanted)
        {
            reason = bytes.Length == 0 ? "the segment is empty" : "the segment ends inside its header";
            return null;
        }

        bytes = bytes[..wanted];
        var crc = BinaryPrimitives.ReadUInt32LittleEndian(bytes[^4..]);
        reason = !bytes.StartsWith(Magic) ? "the segment does not begin with the mark of a log segment"
            : crc != Crc32C.Of(bytes[..^4]) ? "the segment header's checksum does not match"
            : BinaryPrimitives.ReadInt32LittleEndian(bytes[8..]) != LogFiles.Version ? "the segment has another format version"
            : BinaryPrimitives.ReadInt32LittleEndian(bytes[12..]) != wanted ? "the segment header has another length"
            : BinaryPrimitives.ReadInt32LittleEndian(bytes[48..]) != partitionCount ? "the segment has another number of partitions"
            : "";
        if (reason.Length > 0)
        {
            return null;
        }

        var nextOffsets = new long[partitionCount];
        for (var i = 0; i < nextOffsets.Length; i++)
        {
            nextOffsets[i] = BinaryPrimitives.ReadInt64LittleEndian(bytes[(FixedBytes + 8 * i)..]);
        }

        var header = new SegmentHeader(new Guid(bytes.Slice(16, 16)), BinaryPrimitives.ReadInt64LittleEndian(bytes[32..]),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[40..]), BinaryPrimitives.ReadUInt32LittleEndian(bytes[52..]), nextOffsets) { Salt = crc };
        reason = header.IsPossible ? "" : "the segment header states counters that no log comes to";
        return header.IsPossible ? header : null;
    }
}
