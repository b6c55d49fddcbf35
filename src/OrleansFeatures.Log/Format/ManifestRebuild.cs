using System.Buffers.Binary;

namespace OrleansFeatures.Log.Format;

/// <summary>
/// What a lost manifest must have said, from the segments: every header names the store and the number of partitions. Which segments there once were, before the first and behind the last that are there now, and which gaps
/// were known, cannot be had from them.
/// </summary>
internal static class ManifestRebuild
{
    /// <summary>Null when no segment has a sound header.</summary>
    public static Manifest? FromSegments(ILogDevice device, string directory, IReadOnlyList<string> names)
    {
        var numbers = names.Select(LogFiles.SegmentNumber).OfType<long>().Order().ToList();
        foreach (var number in numbers)
        {
            if (TryReadHeader(device, Path.Combine(directory, LogFiles.Segment(number))) is { } header)
            {
                return new Manifest(header.StoreId, header.NextOffsets.Length, numbers[0], numbers[^1]);
            }
        }

        return null;
    }

    private static SegmentHeader? TryReadHeader(ILogDevice device, string path)
    {
        try
        {
            return ReadHeader(device, path);
        }
        catch (LogReadException)
        {
            return null; // Another segment says the same.
        }
    }

    private static SegmentHeader? ReadHeader(ILogDevice device, string path)
    {
        const int partitionsAt = 48;
        using var file = LogFiles.OpenForReading(device, path);
        var bytes = new byte[SegmentHeader.Bytes(Limits.PartitionCountMax)];
        var read = file.Read(0, bytes);
        if (read < SegmentHeader.Bytes(1))
        {
            return null;
        }

        var partitions = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(partitionsAt));
        return partitions is >= 1 and <= Limits.PartitionCountMax ? SegmentHeader.Decode(bytes.AsSpan(0, read), partitions, out _) : null;
    }
}
