using OrleansFeatures.Log.Format;

namespace OrleansFeatures.Log.Inspection;

/// <summary>
/// Surveys the segments of a directory in order, each knowing how the one before it ended and where the next one begins. Reads only. Used by recovery, which owns the directory, and by inspections, which
/// do not: a segment that is dropped meanwhile is passed over.
/// </summary>
internal sealed class LogSurvey(ILogDevice device, string directory, Manifest manifest, DurableMark? mark)
{
    /// <summary>How often the last segment is read again before damage in it counts: what looked like damage may have been a group that was just being written.</summary>
    private const int LooksAtLastSegment = 3;

    private readonly SortedDictionary<long, SegmentHeader> _headers = [];

    public IEnumerable<SurveyedSegment> Run(LogVerification depth, Action<string, long>? read, CancellationToken cancellationToken)
    {
        var present = device.List(directory).Select(LogFiles.SegmentNumber).OfType<long>().Where(number => number >= manifest.FirstSegment).ToHashSet();
        foreach (var number in present)
        {
            ReadHeader(number);
        }

        var last = Math.Max(Math.Max(manifest.LastSegment, mark?.Segment ?? 0), present.Count > 0 ? present.Max() : 0);
        SurveyedEnd? before = null;
        for (var number = manifest.FirstSegment; number <= last; number++)
        {
            var place = PlaceOf(number, before, number == last);
            var surveyed = Survey(place, depth, read, cancellationToken);
            if (!surveyed.Report.Damage.IsEmpty && IsDropped(number))
            {
                before = null;
                continue;
            }

            before = surveyed.End;
            yield return surveyed;
        }
    }

    private SurveyedSegment Survey(SurveyPlace place, LogVerification depth, Action<string, long>? read, CancellationToken cancellationToken)
    {
        if (!place.IsLast && depth == LogVerification.LastSegment && SegmentEnds.TryRead(device, place, manifest.PartitionCount) is { } ends)
        {
            read?.Invoke(place.Path, ends.Report.Bytes);
            return ends;
        }

        for (var look = 1; ; look++)
        {
            var surveyed = new SegmentSurvey(device, manifest.StoreId, manifest.PartitionCount, mark, place)
                .Run(read is null ? null : position => read(place.Path, position), cancellationToken);
            if (!place.IsLast || surveyed.Report.Damage.IsEmpty || look == LooksAtLastSegment)
            {
                return surveyed;
            }
        }
    }

    private SurveyPlace PlaceOf(long number, SurveyedEnd? before, bool isLast)
    {
        var next = _headers.FirstOrDefault(header => header.Key > number);
        return new SurveyPlace(number, Path.Combine(directory, LogFiles.Segment(number)), before, next.Value, next.Key == number + 1, isLast, manifest.GapsOf(number));
    }

    private void ReadHeader(long number)
    {
        try
        {
            using var file = LogFiles.OpenForReading(device, Path.Combine(directory, LogFiles.Segment(number)));
            var bytes = new byte[SegmentHeader.Bytes(manifest.PartitionCount)];
            if (SegmentHeader.Decode(bytes.AsSpan(0, file.Read(0, bytes)), manifest.PartitionCount, out _) is { } header && header.StoreId == manifest.StoreId && header.Number == number)
            {
                _headers[number] = header;
            }
        }
        catch (LogReadException)
        {
            // The survey of it reports that.
        }
        catch (FileNotFoundException)
        {
            // Dropped between the listing and now; the survey of it decides.
        }
    }

    private bool IsDropped(long number)
    {
        try
        {
            return Manifest.Read(device, Path.Combine(directory, LogFiles.Manifest)).FirstSegment > number;
        }
        catch (Exception e) when (e is LogException or FileNotFoundException)
        {
            return false; // A damaged manifest was reported by whoever began this.
        }
    }
}
