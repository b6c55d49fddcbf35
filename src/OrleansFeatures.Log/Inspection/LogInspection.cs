using System.Collections.Immutable;
using OrleansFeatures.Log.Format;

namespace OrleansFeatures.Log.Inspection;

/// <summary>
/// Looks at a log's directory without owning or changing it, also while a server writes there: the segment being written is read up to where it ends at that moment, and segments that are dropped meanwhile are
/// passed over. Finds all damage instead of stopping at the first. Needs a few buffers of 1 MB, whatever the log's size.
/// </summary>
public static class LogInspection
{
    /// <summary>
    /// Inspects the log. <see cref="LogVerification.All"/> checks every byte; <see cref="LogVerification.LastSegment"/> reads of sealed segments the ends only, unless those look odd. Throws <see cref="LogIncompatibleException"/>
    /// for a directory without a log, or of a format that this program does not know.
    /// </summary>
    public static LogReport Run(string directory, ILogDevice device, LogVerification depth, IProgress<InspectionProgress>? progress = null, CancellationToken cancellationToken = default) =>
        Run(directory, device, depth, null, progress, cancellationToken);

    /// <summary>The owner knows better than the note beside the segments how far the log is durable.</summary>
    internal static LogReport Run(string directory, ILogDevice device, LogVerification depth, DurableMark? durable, IProgress<InspectionProgress>? progress, CancellationToken cancellationToken)
    {
        var names = device.List(directory);
        var damage = ImmutableArray.CreateBuilder<LogDamage>();
        var manifest = ReadManifest(directory, device, names, damage);
        var mark = durable ?? (names.Contains(LogFiles.DurableMark) ? DurableMark.Read(device, Path.Combine(directory, LogFiles.DurableMark), manifest.StoreId) : null);
        var segments = new LogSurvey(device, directory, manifest, mark)
            .Run(depth, Meter(directory, device, names, manifest, progress), cancellationToken)
            .Select(surveyed => surveyed.Report)
            .ToImmutableArray();
        return new LogReport
        {
            Directory = directory,
            StoreId = manifest.StoreId,
            PartitionCount = manifest.PartitionCount,
            FormatVersion = manifest.Version,
            Segments = segments,
            Damage = [.. damage, .. segments.SelectMany(segment => segment.Damage)],
            KnownGaps = manifest.Gaps,
            OtherFiles = [.. names.Where(name => !IsCounted(name, manifest)).Order(StringComparer.Ordinal)],
        };
    }

    private static Manifest ReadManifest(string directory, ILogDevice device, IReadOnlyList<string> names, ImmutableArray<LogDamage>.Builder damage)
    {
        var path = Path.Combine(directory, LogFiles.Manifest);
        try
        {
            return Manifest.Read(device, path);
        }
        catch (LogCorruptException corrupt)
        {
            damage.Add(new LogDamage { File = path, Reason = corrupt.Reason });
        }
        catch (LogReadException unreadable)
        {
            damage.Add(new LogDamage { File = path, Reason = $"the disk cannot read it: {unreadable.InnerException!.Message}" });
        }
        catch (FileNotFoundException)
        {
            damage.Add(new LogDamage { File = path, Reason = "the manifest is missing" });
        }

        return ManifestRebuild.FromSegments(device, directory, names)
            ?? throw new LogIncompatibleException(directory, "there is no log here: neither a sound manifest nor a segment with a sound header.");
    }

    /// <summary>Adds up the bytes of all segments before the one being read.</summary>
    private static Action<string, long>? Meter(string directory, ILogDevice device, IReadOnlyList<string> names, Manifest manifest, IProgress<InspectionProgress>? progress)
    {
        if (progress is null)
        {
            return null;
        }

        var starts = new Dictionary<string, long>();
        var total = 0L;
        foreach (var name in names.Where(name => LogFiles.SegmentNumber(name) >= manifest.FirstSegment).Order(StringComparer.Ordinal))
        {
            var path = Path.Combine(directory, name);
            starts[path] = total;
            total += LengthOf(device, path);
        }

        return (path, position) => progress.Report(new InspectionProgress(path, Math.Min(total, starts.GetValueOrDefault(path, total) + position), total));
    }

    private static long LengthOf(ILogDevice device, string path)
    {
        try
        {
            using var file = LogFiles.OpenForReading(device, path);
            return file.Length;
        }
        catch (Exception e) when (e is FileNotFoundException or LogReadException)
        {
            return 0; // Dropped meanwhile, or unreadable, which the survey will say.
        }
    }

    private static bool IsCounted(string name, Manifest manifest) =>
        name is LogFiles.Manifest or LogFiles.DurableMark or LogFiles.Lock || LogFiles.SegmentNumber(name) >= manifest.FirstSegment;
}
