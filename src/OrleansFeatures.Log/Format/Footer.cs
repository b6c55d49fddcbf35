using System.Numerics;

namespace OrleansFeatures.Log.Format;

/// <summary>A sealed segment's footer as it lies at the end of the file.</summary>
internal readonly record struct Footer(long Position, long NextSequence, long Records, uint EndChain)
{
    /// <summary>The footer that the file ends with, or null.</summary>
    public static Footer? ReadLast(ILogFile file, uint salt, int headerBytes)
    {
        var position = Math.Max(headerBytes, file.Length - Frame.FooterBytes);
        var frame = new byte[Frame.FooterBytes];
        if (file.Read(position, frame) != Frame.FooterBytes || Frame.Length(frame) != Frame.FooterBytes || Frame.Kind(frame) != FrameKind.Footer
            || Frame.Crc(frame) != Frame.Checksum(salt, frame) || Frame.Offset(frame) != position)
        {
            return null;
        }

        var (records, chain, _) = Frame.ReadFooter(frame);
        return new Footer(position, Frame.Sequence(frame), records, BitOperations.Crc32C(chain, Frame.Crc(frame)));
    }
}
