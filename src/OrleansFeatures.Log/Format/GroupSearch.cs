namespace OrleansFeatures.Log.Format;

/// <summary>
/// Finds group headers and footers where the frames before them cannot be walked: at any byte, by their own position and checksum, which nothing else in a
/// segment can have by chance (96 bits). Reads through one buffer, whatever the segment's size.
/// <code>
///   G r r r | G r X ? ? ? ? ? ? | G r r | F
///                   from -->      ^ the next place where reading can go on, and proof that everything before it was durable once
/// </code>
/// </summary>
internal static class GroupSearch
{
    /// <summary>A sound group header or footer. The time is null for a footer.</summary>
    public readonly record struct Found(long Position, long Sequence, FrameKind Kind, long? Micros);

    /// <summary>The first one that begins at or behind <paramref name="from"/> and ends before <paramref name="end"/>.</summary>
    public static Found? Forward(ILogFile file, uint salt, long from, long end)
    {
        var buffer = Buffer(from, end);
        for (var start = from; start + Frame.GroupBytes <= end; start += buffer.Length - Frame.GroupBytes + 1)
        {
            var bytes = Read(file, start, end, buffer);
            for (var at = 0; at + Frame.GroupBytes <= bytes.Length; at++)
            {
                if (Match(bytes[at..], salt, start + at) is { } found)
                {
                    return found;
                }
            }
        }

        return null;
    }

    /// <summary>The last group header that begins at or behind <paramref name="from"/> and ends before <paramref name="end"/>.</summary>
    public static Found? LastGroup(ILogFile file, uint salt, long from, long end)
    {
        var buffer = Buffer(from, end);
        for (var stop = end; stop - from >= Frame.GroupBytes; stop -= buffer.Length - Frame.GroupBytes + 1)
        {
            var start = Math.Max(from, stop - buffer.Length);
            var bytes = Read(file, start, stop, buffer);
            for (var at = bytes.Length - Frame.GroupBytes; at >= 0; at--)
            {
                if (Match(bytes[at..], salt, start + at) is { Kind: FrameKind.Group } found)
                {
                    return found;
                }
            }
        }

        return null;
    }

    private static byte[] Buffer(long from, long end) => new byte[(int)Math.Clamp(end - from, Frame.GroupBytes, Limits.ReadBufferBytes)];

    private static ReadOnlySpan<byte> Read(ILogFile file, long start, long end, byte[] buffer) =>
        buffer.AsSpan(0, file.Read(start, buffer.AsSpan(0, (int)Math.Min(buffer.Length, end - start))));

    private static Found? Match(ReadOnlySpan<byte> bytes, uint salt, long position)
    {
        var frame = bytes[..Frame.GroupBytes]; // A footer has the same length.
        if (Frame.Length(frame) != Frame.GroupBytes || Frame.Offset(frame) != position || Frame.Kind(frame) is not (FrameKind.Group or FrameKind.Footer)
            || Frame.Checksum(salt, frame) != Frame.Crc(frame))
        {
            return null;
        }

        var kind = Frame.Kind(frame);
        return new Found(position, Frame.Sequence(frame), kind, kind == FrameKind.Group ? Frame.ReadGroup(frame).CommittedAtMicros : null);
    }
}
