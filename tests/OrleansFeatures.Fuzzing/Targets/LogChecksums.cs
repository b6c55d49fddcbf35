using System.Buffers.Binary;
using OrleansFeatures.Log.Format;

namespace OrleansFeatures.Fuzzing.Targets;

/// <summary>Makes every checksum of a log's files fit what the files say, as far as frames can be found.</summary>
internal static class LogChecksums
{
    public static void Repair(Dictionary<string, byte[]> files, int partitions)
    {
        foreach ((string name, byte[] content) in files)
        {
            if (name.StartsWith(LogFiles.Manifest, StringComparison.Ordinal) && content.Length >= 52)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(content.AsSpan(48), Crc32C.Of(content.AsSpan(0, 48)));
            }
            else if (name.StartsWith(LogFiles.DurableMark, StringComparison.Ordinal) && content.Length >= DurableMark.Bytes)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(content.AsSpan(56), Crc32C.Of(content.AsSpan(0, 56)));
            }
            else if (content.Length >= SegmentHeader.Bytes(partitions))
            {
                Segment(content, SegmentHeader.Bytes(partitions));
            }
        }
    }

    private static void Segment(Span<byte> content, int headerBytes)
    {
        uint salt = Crc32C.Of(content[..(headerBytes - 4)]);
        BinaryPrimitives.WriteUInt32LittleEndian(content[(headerBytes - 4)..], salt);
        for (Span<byte> rest = content[headerBytes..]; rest.Length >= Frame.HeaderBytes;)
        {
            uint length = Frame.Length(rest);
            if (length < Frame.HeaderBytes || length > (uint)rest.Length)
            {
                return;
            }

            Span<byte> frame = rest[..(int)length];
            BinaryPrimitives.WriteUInt32LittleEndian(frame[4..], Frame.Checksum(salt, frame));
            rest = rest[(int)length..];
        }
    }
}
