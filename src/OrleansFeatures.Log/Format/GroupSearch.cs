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
    public readonly record struct Found(long Position, long Sequence, FrameKind Kind, long? Micros, uint Salt);

    /// <summary>The first one that begins at or behind <paramref name="from"/> and ends before <paramref name="end"/>.</summary>
    public static Found? Forward(ILogFile file, uint salt, long from, long end) => Forward(file, (uint?)salt, from, end);

    /// <summary>The first place that looks like a group header of a segment whose salt is not known: only its own position and form speak for it, and <see cref="Found.Salt"/> is right if it is sound.</summary>
    public static Found? ForwardUnsalted(ILogFile file, long from, long end) => Forward(file, null, from, end);

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

    private static Found? Forward(ILogFile file, uint? salt, long from, long end)
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

    private static byte[] Buffer(long from, long end) => new byte[(int)Math.Clamp(end - from, Frame.GroupBytes, Limits.ReadBufferBytes)];

    private static ReadOnlySpan<byte> Read(ILogFile file, long start, long end, byte[] buffer) =>
        buffer.AsSpan(0, file.Read(start, buffer.AsSpan(0, (int)Math.Min(buffer.Length, end - start))));

    private static Found? Match(ReadOnlySpan<byte> bytes, uint? known, long position)
    {
        var frame = bytes[..Frame.GroupBytes]; // A footer has the same length.
        var kind = Frame.Kind(frame);
        if (Frame.Length(frame) != Frame.GroupBytes || Frame.Offset(frame) != position || kind is not (FrameKind.Group or FrameKind.Footer))
        {
            return null;
        }

        var salt = Frame.SaltOf(frame);
        var isSound = known is null ? kind == FrameKind.Group && Frame.Partition(frame) == 0 && Frame.ReservedIsZero(frame) : salt == known;
        return isSound ? new Found(position, Frame.Sequence(frame), kind, kind == FrameKind.Group ? Frame.ReadGroup(frame).CommittedAtMicros : null, salt) : null;
    }
}
