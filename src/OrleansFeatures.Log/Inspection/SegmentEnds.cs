using OrleansFeatures.Log.Format;

namespace OrleansFeatures.Log.Inspection;

/// <summary>A quick look at a sealed segment: header, footer and the last group, three reads. Whatever is unusual is left to the survey.</summary>
internal static class SegmentEnds
{
    public static SurveyedSegment? TryRead(ILogDevice device, SurveyPlace place, int partitionCount)
    {
        if (!place.KnownGaps.IsEmpty || place.NextHeader is null || !place.IsNextDirect)
        {
            return null;
        }

        try
        {
            using var file = LogFiles.OpenForReading(device, place.Path);
            var bytes = new byte[SegmentHeader.Bytes(partitionCount)];
            return SegmentHeader.Decode(bytes.AsSpan(0, file.Read(0, bytes)), partitionCount, out _) is { } header && header.StoreId == place.NextHeader.StoreId
                && header.Number == place.Number && (place.Before is null || (header.FirstSequence == place.Before.NextSequence && header.PreviousChain == place.Before.Chain))
                && Footer.ReadLast(file, header.Salt, bytes.Length) is { } footer && footer.NextSequence == place.NextHeader.FirstSequence && footer.EndChain == place.NextHeader.PreviousChain
                    ? Describe(file, place, header, footer)
                    : null;
        }
        catch (Exception e) when (e is FileNotFoundException or LogReadException)
        {
            return null;
        }
    }

    private static SurveyedSegment Describe(ILogFile file, SurveyPlace place, SegmentHeader header, Footer footer)
    {
        var start = SegmentHeader.Bytes(header.NextOffsets.Length);
        var report = new SegmentReport
        {
            Number = place.Number,
            Path = place.Path,
            Bytes = file.Length,
            First = new LogSequence(header.FirstSequence),
            Next = new LogSequence(footer.NextSequence),
            Records = footer.Records,
            FirstGroupMicros = GroupSearch.Forward(file, header.Salt, start, Math.Min(start + Frame.GroupBytes, footer.Position))?.Micros,
            LastGroupMicros = GroupSearch.LastGroup(file, header.Salt, start, footer.Position)?.Micros,
            IsSealed = true,
        };
        return new SurveyedSegment(report, new SurveyedEnd(footer.NextSequence, footer.EndChain, place.NextHeader!.NextOffsets, place.NextHeader.NextOffsets), null);
    }
}
