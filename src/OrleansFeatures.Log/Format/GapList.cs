using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text;
using OrleansFeatures.Log.Inspection;

namespace OrleansFeatures.Log.Format;

/// <summary>
/// Skipped damage as bytes in the manifest. Times that nobody knows are the smallest int64; flag bit 0: the records are known exactly.
/// <code>
///  0       4 (once)
///  | count | then for each gap:
///  0         8           16        24      32     40      48       56           64     68      72          74
///  | segment | from byte | to byte | first | next | after | before | skipped at | salt | flags | partitions | reason bytes | ...
///   ... 20 bytes for each partition: | number (4) | first offset | next offset |, then the reason in UTF-8
/// </code>
/// </summary>
internal static class GapList
{
    private const int FixedBytes = 76;
    private const int PartitionBytes = 20;
    private const long UnknownTime = long.MinValue;
    private const uint Exact = 1;

    public static byte[] Encode(ImmutableArray<LogDamage> gaps)
    {
        using var bytes = new MemoryStream();
        var count = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(count, gaps.Length);
        bytes.Write(count);
        foreach (var gap in gaps)
        {
            Write(bytes, gap);
        }

        return bytes.ToArray();
    }

    /// <summary>Null when the bytes are not such a list.</summary>
    public static ImmutableArray<LogDamage>? Decode(ReadOnlySpan<byte> bytes, string directory)
    {
        if (bytes.Length < 4)
        {
            return null;
        }

        var count = BinaryPrimitives.ReadInt32LittleEndian(bytes);
        bytes = bytes[4..];
        var gaps = ImmutableArray.CreateBuilder<LogDamage>();
        for (; gaps.Count < count; gaps.Add(Read(ref bytes, directory)))
        {
            if (bytes.Length < FixedBytes || bytes.Length < FixedBytes + VariableBytes(bytes))
            {
                return null;
            }
        }

        return bytes.IsEmpty ? gaps.ToImmutable() : null;
    }

    private static int VariableBytes(ReadOnlySpan<byte> gap) =>
        (BinaryPrimitives.ReadUInt16LittleEndian(gap[72..]) * PartitionBytes) + BinaryPrimitives.ReadUInt16LittleEndian(gap[74..]);

    private static void Write(MemoryStream bytes, LogDamage gap)
    {
        var reason = Encoding.UTF8.GetBytes(gap.Reason);
        var gapBytes = new byte[FixedBytes + (gap.Offsets.Length * PartitionBytes) + reason.Length];
        var span = gapBytes.AsSpan();
        long[] numbers =
        [
            gap.Segment, gap.FromByte, gap.ToByte, gap.First.Value, gap.Next.Value,
            gap.AfterMicros ?? UnknownTime, gap.BeforeMicros ?? UnknownTime, gap.SkippedAtMicros ?? UnknownTime,
        ];
        foreach (var (at, number) in numbers.Index())
        {
            BinaryPrimitives.WriteInt64LittleEndian(span[(8 * at)..], number);
        }

        BinaryPrimitives.WriteUInt32LittleEndian(span[64..], gap.Salt);
        BinaryPrimitives.WriteUInt32LittleEndian(span[68..], gap.IsExact ? Exact : 0);
        BinaryPrimitives.WriteUInt16LittleEndian(span[72..], (ushort)gap.Offsets.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(span[74..], (ushort)reason.Length);
        span = span[FixedBytes..];
        foreach (var lost in gap.Offsets)
        {
            BinaryPrimitives.WriteInt32LittleEndian(span, lost.Partition.Value);
            BinaryPrimitives.WriteInt64LittleEndian(span[4..], lost.First.Value);
            BinaryPrimitives.WriteInt64LittleEndian(span[12..], lost.Next.Value);
            span = span[PartitionBytes..];
        }

        reason.CopyTo(span);
        bytes.Write(gapBytes);
    }

    private static LogDamage Read(ref ReadOnlySpan<byte> bytes, string directory)
    {
        var span = bytes;
        var numbers = new long[8];
        for (var at = 0; at < numbers.Length; at++)
        {
            numbers[at] = BinaryPrimitives.ReadInt64LittleEndian(span[(8 * at)..]);
        }

        var (salt, flags) = (BinaryPrimitives.ReadUInt32LittleEndian(span[64..]), BinaryPrimitives.ReadUInt32LittleEndian(span[68..]));
        var (partitions, reasonBytes) = (BinaryPrimitives.ReadUInt16LittleEndian(span[72..]), BinaryPrimitives.ReadUInt16LittleEndian(span[74..]));
        span = span[FixedBytes..];
        var offsets = new LostOffsets[partitions];
        foreach (ref var lost in offsets.AsSpan())
        {
            lost = new LostOffsets(new PartitionId(BinaryPrimitives.ReadInt32LittleEndian(span)),
                new LogOffset(BinaryPrimitives.ReadInt64LittleEndian(span[4..])), new LogOffset(BinaryPrimitives.ReadInt64LittleEndian(span[12..])));
            span = span[PartitionBytes..];
        }

        bytes = span[reasonBytes..];
        return new LogDamage
        {
            File = Path.Combine(directory, LogFiles.Segment(numbers[0])),
            Segment = numbers[0],
            FromByte = numbers[1],
            ToByte = numbers[2],
            First = new LogSequence(numbers[3]),
            Next = new LogSequence(numbers[4]),
            AfterMicros = Time(numbers[5]),
            BeforeMicros = Time(numbers[6]),
            SkippedAtMicros = Time(numbers[7]),
            Salt = salt,
            IsExact = (flags & Exact) != 0,
            Offsets = [.. offsets],
            Reason = Encoding.UTF8.GetString(span[..reasonBytes]),
        };
    }

    private static long? Time(long micros) => micros == UnknownTime ? null : micros;
}
