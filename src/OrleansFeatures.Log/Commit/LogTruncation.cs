using System.Collections.Immutable;
using OrleansFeatures.Log.Format;

namespace OrleansFeatures.Log.Commit;

/// <summary>
/// Drops the oldest segments of an open log, whole and sealed ones only, on the caller's thread while appends go on.
/// <code>
///   log.manifest: first = 4, synced --> readers see 4 as the first --> delete 1, 2, 3 --> sync of the directory
///        ^ before: all count             ^ no new reader opens 1 to 3     ^ leftovers that no manifest counts: any opening deletes them
/// </code>
/// <para>A failure never poisons the log, not even when it is unknown which of the two manifests the disk holds: both are true as long as nothing was deleted, and nothing is
/// before the new one is known to be there. The next change of the manifest writes it anew, from what this process believes.</para>
/// <para>The last segment always stays, so that the counters of the log stay on disk.</para>
/// </summary>
internal sealed class LogTruncation(LogOptions options, ILogDevice device, ManifestFile manifest, LogProgress progress, PositionIndex positions)
{
    private readonly Lock _gate = new();
    private readonly Queue<string> _leftovers = [];
    private bool _closed;

    /// <summary>The segments as they are now, the times of their last groups looked up where nobody knows them yet.</summary>
    public ImmutableArray<LogSegment> Segments()
    {
        var view = progress.View;
        var all = ImmutableArray.CreateBuilder<LogSegment>(view.Sealed.Length + 1);
        all.AddRange(view.Sealed.Select(segment => Describe(WithTimeIfReadable(segment), isSealed: true)));
        if (view.Active is { } active)
        {
            all.Add(Describe(active, isSealed: false));
        }

        return all.DrainToImmutable();
    }

    /// <summary>From the oldest on, every segment that may go.</summary>
    public ImmutableArray<LogSegment> Droppable(LogSequence before, long olderThanMicros)
    {
        var view = progress.View;
        var candidates = view.Active is null ? view.Sealed.SkipLast(1) : view.Sealed;
        return
        [
            .. candidates
                .TakeWhile(segment => segment.NextSequence <= before.Value)
                .Select(WithTime)
                .TakeWhile(segment => segment.NextSequence == segment.FirstSequence || segment.LastGroupMicros < olderThanMicros)
                .Select(segment => Describe(segment, isSealed: true)),
        ];
    }

    public ImmutableArray<LogSegment> Run(LogSequence before, long olderThanMicros)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_closed, typeof(EventLog));
            var dropped = Droppable(before, olderThanMicros);
            if (dropped.IsEmpty && _leftovers.Count == 0)
            {
                return dropped;
            }

            if (!dropped.IsEmpty)
            {
                NameNewFirst(dropped[^1].Number);
            }

            DeleteLeftovers();
            return dropped;
        }
    }

    /// <summary>Waits for a truncation under way and refuses later ones: the directory is about to be somebody else's.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _closed = true;
        }
    }

    private void NameNewFirst(long lastDropped)
    {
        var view = progress.View;
        var number = (view.Sealed.FirstOrDefault(segment => segment.Number > lastDropped) ?? view.Active!).Number;
        var gone = view.Gaps.Where(gap => gap.IsWholeFile && gap.Segment < number);
        try
        {
            manifest.Change(current => current with { FirstSegment = number, Gaps = current.Gaps.RemoveAll(gap => gap.Segment < number) });
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new LogTruncationException(manifest.Path, "No segment was dropped, and appends go on.", e);
        }

        foreach (var segment in progress.DropBefore(number))
        {
            _leftovers.Enqueue(segment.Path);
            positions.Forget(segment.Number);
        }

        foreach (var gap in gone)
        {
            _leftovers.Enqueue(gap.File);
        }
    }

    private void DeleteLeftovers()
    {
        while (_leftovers.TryPeek(out var path))
        {
            try
            {
                device.Delete(path);
                _leftovers.Dequeue();
                if (_leftovers.Count == 0)
                {
                    device.SyncDirectory(options.Directory);
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new LogTruncationException(path, "The log no longer counts the segments, but this file still takes space; the next truncation or opening deletes it again. Appends go on.", e);
            }
        }
    }

    /// <summary>A sealed segment whose end only was read at opening does not know the time of its last group yet: it is found from behind, once.</summary>
    private SegmentInfo WithTime(SegmentInfo segment)
    {
        if (segment.LastGroupMicros is not null || segment.NextSequence == segment.FirstSequence)
        {
            return segment;
        }

        using var reader = LogReplay.Open(device, options.PartitionCount, progress, segment);
        var known = segment with
        {
            LastGroupMicros = reader.LastGroupMicros() ?? TimeOfGap(segment)
                ?? throw LogReplay.Corrupt(segment, "no sound group header was found in the segment, so that its age is unknown"),
        };
        progress.Learn(known);
        return known;
    }

    /// <summary>A listing shows what it can: the time of a segment that was damaged or dropped just now stays empty.</summary>
    private SegmentInfo WithTimeIfReadable(SegmentInfo segment)
    {
        try
        {
            return WithTime(segment);
        }
        catch (Exception e) when (e is LogCorruptException or LogReadException or LogTruncatedException)
        {
            return segment;
        }
    }

    /// <summary>Where known gaps took every group, they must not keep the segment for ever: it counts as old as they may be.</summary>
    private static long? TimeOfGap(SegmentInfo segment) =>
        segment.Gaps is [.., var last] ? last.BeforeMicros ?? last.AfterMicros ?? long.MinValue : null;

    private static LogSegment Describe(SegmentInfo segment, bool isSealed) =>
        new(segment.Number, segment.Path, new LogSequence(segment.FirstSequence), new LogSequence(segment.NextSequence), segment.Bytes, isSealed, segment.LastGroupMicros);
}
