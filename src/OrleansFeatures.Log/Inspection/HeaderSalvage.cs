using OrleansFeatures.Log.Format;

namespace OrleansFeatures.Log.Inspection;

/// <summary>The salt of a segment whose header is damaged, and the first place where frames check with it.</summary>
internal readonly record struct SalvagedHeader(uint Salt, GroupSearch.Found Found)
{
    public LogDamage AsDamage(SurveyPlace place, string reason)
    {
        // Without a segment before it, the records that may lie between the header and the first sound group are bounded by their bytes.
        var first = place.Before?.NextSequence ?? Math.Max(0, Found.Sequence - (Found.Position / Frame.HeaderBytes));
        return new LogDamage
        {
            File = place.Path,
            Segment = place.Number,
            FromByte = 0,
            ToByte = Found.Position,
            Reason = reason,
            First = new LogSequence(first),
            Next = new LogSequence(Found.Sequence),
            IsExact = place.Before is not null,
            BeforeMicros = Found.Micros,
            Salt = Salt,
        };
    }
}

/// <summary>
/// A damaged header costs no record as long as its checksum can be had, because that is what every frame's checksum is salted with. It may still stand there; or be the checksum of what stands there, when it was
/// itself hit; or all of the header follows from the segment before. The frames tell which is right.
/// </summary>
internal static class HeaderSalvage
{
    public static SalvagedHeader? Find(ILogFile file, long length, Guid storeId, int partitionCount, SurveyPlace place)
    {
        var bytes = new byte[SegmentHeader.Bytes(partitionCount)];
        if (file.Read(0, bytes) < bytes.Length)
        {
            return null;
        }

        foreach (var salt in Candidates(bytes, storeId, place))
        {
            if (GroupSearch.Forward(file, salt, bytes.Length, length) is { } found && found.Sequence >= (place.Before?.NextSequence ?? 0))
            {
                return new SalvagedHeader(salt, found);
            }
        }

        return null;
    }

    private static IEnumerable<uint> Candidates(byte[] bytes, Guid storeId, SurveyPlace place)
    {
        yield return System.Buffers.Binary.BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(^4..));
        yield return Crc32C.Of(bytes.AsSpan(..^4));
        if (place.Before is { Chain: { } chain } before && !before.Offsets.Contains(SegmentReader.Unknown))
        {
            new SegmentHeader(storeId, place.Number, before.NextSequence, chain, before.Offsets).Encode(out var salted);
            yield return salted.Salt;
        }
    }
}
