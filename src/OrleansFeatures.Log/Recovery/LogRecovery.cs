using System.Collections.Immutable;
using OrleansFeatures.Log.Commit;
using OrleansFeatures.Log.Format;

namespace OrleansFeatures.Log.Recovery;

/// <summary>
/// Opens a directory: first the set of files (manifest, no segment missing), then the chain of sealed segments, then the last one, the
/// only place where a crash can have left something unfinished (<see cref="LastSegment"/>). No segment is changed before every segment has
/// been found sound. The decision table is in docs/log-format.md.
/// </summary>
internal sealed class LogRecovery(LogOptions options, ILogDevice device, TimeProvider time)
{
    private const long FirstSegmentNumber = 1;

    /// <summary>As the options say: damage ends it, or is skipped, remembered and told of; then the log is opened as any other with known gaps.</summary>
    public RecoveredLog Run()
    {
        if (options.Recovery == DamageRecovery.Refuse)
        {
            return Open(options.Verification);
        }

        try
        {
            return Open(LogVerification.All);
        }
        catch (LogException damage) when (damage is LogCorruptException or LogReadException)
        {
            var losses = new DamageSkipping(options, device, time).Run(damage);
            return Open(LogVerification.All) with { Losses = losses };
        }
    }

    private RecoveredLog Open(LogVerification verification)
    {
        var names = device.List(options.Directory);
        var numbers = names.Select(LogFiles.SegmentNumber).OfType<long>().Order().ToList();
        var manifest = names.Contains(LogFiles.Manifest) ? ReadManifest() : CreateManifest(names, numbers);
        numbers = RequireComplete(manifest, numbers);
        var mark = names.Contains(LogFiles.DurableMark) ? DurableMark.Read(device, PathOf(LogFiles.DurableMark), manifest.StoreId) : null;
        if (numbers.Count == 0)
        {
            RequireNew(manifest, mark);
            numbers.Add(CreateFirstSegment(manifest));
        }

        var isSealed = ImmutableArray.CreateBuilder<SegmentInfo>();
        SegmentEnd? before = null;
        foreach (var number in numbers.SkipLast(1))
        {
            var segment = new SealedSegment(options, device, manifest, number);
            if ((verification == LogVerification.All ? segment.VerifyAll(ref before) : segment.VerifyEnds(ref before)) is { } info)
            {
                isSealed.Add(info);
            }
        }

        // The last thing that may refuse; only then anything else on the disk is changed.
        var last = new LastSegment(options, device, manifest, numbers[^1], mark).Recover(before);
        RemoveLeftovers(manifest, names);
        if (numbers[^1] != manifest.LastSegment)
        {
            manifest = manifest with { LastSegment = numbers[^1] };
            LogFiles.Replace(device, options.Directory, LogFiles.Manifest, manifest.Encode());
        }

        return Assemble(manifest, isSealed, last);
    }

    private static RecoveredLog Assemble(Manifest manifest, ImmutableArray<SegmentInfo>.Builder isSealed, RecoveredSegment last)
    {
        if (last.File is null)
        {
            isSealed.Add(last.Info);
        }

        var view = new LogView(isSealed.ToImmutable(), last.File is null ? null : last.Info,
            new LogSequence(isSealed.Count > 0 ? isSealed[0].FirstSequence : last.Info.FirstSequence), new LogSequence(last.Cursor.NextSequence - 1), manifest.Gaps);
        return new RecoveredLog(manifest, view, last.Cursor, last.File);
    }

    private Manifest ReadManifest()
    {
        var manifest = Manifest.Read(device, PathOf(LogFiles.Manifest));
        return manifest.PartitionCount == options.PartitionCount
            ? manifest
            : throw new LogIncompatibleException(PathOf(LogFiles.Manifest),
                $"the log has {manifest.PartitionCount} partitions, LogOptions.PartitionCount says {options.PartitionCount}. The number is fixed when a log is created; set the option to it.");
    }

    private Manifest CreateManifest(IReadOnlyList<string> names, List<long> numbers)
    {
        if (numbers.Count > 0)
        {
            throw new LogCorruptException(PathOf(LogFiles.Manifest), 0, new LogSequence(0), LogSequence.None, "the manifest is missing, but there are segments");
        }

        if (names.Contains(LogFiles.DurableMark))
        {
            // Written only by a log that had both: a new log in its place would hide that everything has been lost.
            throw new LogCorruptException(PathOf(LogFiles.Manifest), 0, new LogSequence(0), LogSequence.None, $"the manifest and all segments are missing, but {LogFiles.DurableMark} says that there was a log here");
        }

        var manifest = new Manifest(Guid.NewGuid(), options.PartitionCount, FirstSegmentNumber, FirstSegmentNumber - 1);
        LogFiles.Replace(device, options.Directory, LogFiles.Manifest, manifest.Encode());
        return manifest;
    }

    /// <summary>Returns the numbers of the segments that count.</summary>
    private List<long> RequireComplete(Manifest manifest, List<long> numbers)
    {
        // Segments before the first are what an interrupted deletion of old segments leaves: the manifest no longer counts them. Leftovers go last.
        numbers.RemoveAll(number => number < manifest.FirstSegment);

        for (var number = manifest.FirstSegment; number <= Math.Max(manifest.LastSegment, numbers.LastOrDefault()); number++)
        {
            if (manifest.GapsOf(number) is [{ IsWholeFile: true }])
            {
                numbers.Add(number); // Given up before; whether its file is still there makes no difference.
            }
            else if (!numbers.Contains(number))
            {
                throw new LogCorruptException(PathOf(LogFiles.Segment(number)), 0, LogSequence.None, LogSequence.None, "the segment is missing");
            }
        }

        numbers = numbers.Distinct().Order().ToList();
        if (numbers.Count > 0 && numbers[^1] > manifest.LastSegment + 1)
        {
            throw new LogCorruptException(PathOf(LogFiles.Manifest), 0, LogSequence.None, LogSequence.None,
                $"the manifest ends with segment {manifest.LastSegment}, but there is segment {numbers[^1]}; it is older than the segments");
        }

        return numbers;
    }

    /// <summary>A manifest without segments is what an interrupted creation leaves, before there is a mark. With one, every segment has been lost, and a new one would take the place of acknowledged records.</summary>
    private void RequireNew(Manifest manifest, DurableMark? mark)
    {
        if (mark is { } durable)
        {
            throw new LogCorruptException(PathOf(LogFiles.Segment(durable.Segment)), 0, LogSequence.None, new LogSequence(durable.NextSequence - 1),
                $"the segment is missing: the manifest ends with segment {manifest.LastSegment}, although {LogFiles.DurableMark} says that everything up to byte {durable.Position} of this one was durable");
        }
    }

    private void RemoveLeftovers(Manifest manifest, IReadOnlyList<string> names)
    {
        foreach (var name in names)
        {
            var isNew = name.EndsWith(LogFiles.NewSuffix, StringComparison.Ordinal);
            var target = isNew ? name[..^LogFiles.NewSuffix.Length] : name;
            var number = LogFiles.SegmentNumber(target);
            if (isNew ? target == LogFiles.Manifest || number is not null : number < manifest.FirstSegment)
            {
                device.Delete(PathOf(name));
            }
        }
    }

    private long CreateFirstSegment(Manifest manifest)
    {
        var header = new SegmentHeader(manifest.StoreId, manifest.FirstSegment, 0, 0, new long[manifest.PartitionCount]);
        SegmentCreation.Create(device, options.Directory, header, Frame.FooterBytes).File.Dispose();
        return header.Number;
    }

    private string PathOf(string name) => Path.Combine(options.Directory, name);
}
