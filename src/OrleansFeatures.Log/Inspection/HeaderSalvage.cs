using OrleansFeatures.Log.Format;

namespace OrleansFeatures.Log.Inspection;

/// <summary>The salt of a segment whose header is damaged, and the first place where frames check with it.</summary>
internal readonly record struct SalvagedHeader(uint Salt, GroupSearch.Found Found)
{
    public LogDamage AsDamage(SurveyPlace place, string reason)
    {
        // Without a segment before it, the records that may lie between the header and the first sound group are bounded by their bytes.
        var known = place.Before?.NextSequence ?? (place.Number == 1 ? 0L : null as long?);
        var first = known ?? Math.Max(0, Found.Sequence - (Found.Position / Frame.HeaderBytes));
        return new LogDamage
        {
            File = place.Path,
            Segment = place.Number,
            FromByte = 0,
            ToByte = Found.Position,
            Reason = reason,
            First = new LogSequence(first),
            Next = new LogSequence(Found.Sequence),
            IsExact = known is not null,
            BeforeMicros = Found.Micros,
            Salt = Salt,
        };
    }
}

/// <summary>
/// A damaged header costs no record as long as the salt can be had, the checksum that it had when it was sound. It follows from any sound frame, because a checksum can be run backwards over what it covers to what it began
/// with; so the first place is looked for that has the form of a group header and states its own position, and a record must follow it that checks with the same salt.
/// </summary>
internal static class HeaderSalvage
{
    public static SalvagedHeader? Find(ILogFile file, long length, int partitionCount, SurveyPlace place)
    {
        for (long at = SegmentHeader.Bytes(partitionCount); GroupSearch.ForwardUnsalted(file, at, length) is { } found; at = found.Position + 1)
        {
            if (found.Sequence >= (place.Before?.NextSequence ?? 0) && Checks(file, found.Salt, found.Position + Frame.GroupBytes))
            {
                return new SalvagedHeader(found.Salt, found);
            }
        }

        return null;
    }

    private static bool Checks(ILogFile file, uint salt, long position)
    {
        var head = new byte[Frame.HeaderBytes];
        if (file.Read(position, head) < head.Length || Frame.Kind(head) != FrameKind.Record || Frame.Length(head) is < Frame.HeaderBytes or > Frame.RecordBytesMax)
        {
            return false;
        }

        var frame = new byte[Frame.Length(head)];
        return file.Read(position, frame) == frame.Length && Frame.Checksum(salt, frame) == Frame.Crc(frame);
    }
}
