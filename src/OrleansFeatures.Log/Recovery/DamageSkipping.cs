using System.Collections.Immutable;
using OrleansFeatures.Log.Commit;
using OrleansFeatures.Log.Format;
using OrleansFeatures.Log.Inspection;

namespace OrleansFeatures.Log.Recovery;

/// <summary>
/// Makes a damaged log one that opens, by remembering its damage as gaps in the manifest. No segment is touched: a damaged one is never written again, and if the last one is, a new one is begun behind it. The manifest is
/// replaced last and decides for everything, so that a crash before leaves the log as damaged as it was.
/// <code>
///   segment 2            | segment 3 (damaged, stays as it is)  | segment 4 (new)
///   G r r | G r r | F    | G r r | X X X X | G r | X X X X X    | header: behind every sequence and offset that segment 3 may have held
///                                 gap [from, to)   gap [from, end)
/// </code>
/// Sequences and offsets of lost records are not given again, because state elsewhere may already stand behind them.
/// </summary>
internal sealed class DamageSkipping(LogOptions options, ILogDevice device, TimeProvider time)
{
    private const string AsideSuffix = ".damaged";

    private readonly List<string> _setAside = [];
    private readonly List<LogDamage> _losses = [];

    /// <summary>Throws the damage that the opening met when nothing of the log can be saved.</summary>
    public LossReport Run(LogException met)
    {
        var names = device.List(options.Directory);
        var manifest = ReadManifest(names, met);
        var mark = names.Contains(LogFiles.DurableMark) ? DurableMark.Read(device, PathOf(LogFiles.DurableMark), manifest.StoreId) : null;
        var segments = new LogSurvey(device, options.Directory, manifest, mark).Run(LogVerification.All, null, CancellationToken.None).ToList();
        if (segments.Count == 0 || segments.Any(segment => segment.End is null))
        {
            throw met; // The end is lost, and no segment before it says where the counters stood.
        }

        var last = segments[^1];
        var gaps = segments.SelectMany(segment => GapsOf(segment, segment == last)).ToImmutableArray();
        var lastNumber = last.Report.Number;
        if (gaps.Any(gap => gap.Segment == lastNumber))
        {
            if (last.End!.Bounds.Contains(SegmentReader.Unknown))
            {
                throw met; // Of some partition not even a later record is left: its next offset cannot be told.
            }

            Create(manifest, lastNumber + 1, last.End);
            lastNumber++;
        }

        Remember(manifest with { LastSegment = lastNumber, Gaps = gaps });
        if (_losses.Count == 0)
        {
            var (file, position, reason) = met is LogCorruptException corrupt ? (corrupt.File, corrupt.BytePosition, corrupt.Reason) : (PathOf(LogFiles.Manifest), 0, met.Message);
            _losses.Add(new LogDamage { File = file, FromByte = position, Reason = reason + "; no record is lost with it" });
        }

        return new LossReport([.. _losses], [.. _setAside]);
    }

    private Manifest ReadManifest(IReadOnlyList<string> names, LogException met)
    {
        var path = PathOf(LogFiles.Manifest);
        try
        {
            return Manifest.Read(device, path);
        }
        catch (LogCorruptException corrupt)
        {
            SetAside(path);
            return Rebuild(names, corrupt.Reason, met);
        }
        catch (LogReadException unreadable)
        {
            device.Rename(path, path + AsideSuffix); // It cannot be copied. Without it the log is as damaged as with it.
            _setAside.Add(path + AsideSuffix);
            return Rebuild(names, unreadable.Message, met);
        }
        catch (FileNotFoundException)
        {
            return Rebuild(names, "the manifest is missing", met);
        }
    }

    private Manifest Rebuild(IReadOnlyList<string> names, string reason, LogException met)
    {
        var manifest = ManifestRebuild.FromSegments(device, options.Directory, names) ?? throw met;
        if (manifest.PartitionCount != options.PartitionCount)
        {
            throw new LogIncompatibleException(PathOf(LogFiles.Manifest), $"the segments have {manifest.PartitionCount} partitions, LogOptions.PartitionCount says {options.PartitionCount}. Set the option to it.");
        }

        _losses.Add(new LogDamage
        {
            File = PathOf(LogFiles.Manifest),
            Reason = reason + $"; it was made anew from the segments that are there, {manifest.FirstSegment} to {manifest.LastSegment}. Whether there were earlier ones is not known",
        });
        return manifest;
    }

    /// <summary>Keeps a copy of a file that is about to be replaced.</summary>
    private void SetAside(string path)
    {
        using var file = LogFiles.OpenForReading(device, path);
        var bytes = new byte[Math.Min(file.Length, Limits.ManifestBytesMax)];
        file.Read(0, bytes);
        LogFiles.Replace(device, options.Directory, LogFiles.Manifest + AsideSuffix, bytes);
        _setAside.Add(path + AsideSuffix);
    }

    private IEnumerable<LogDamage> GapsOf(SurveyedSegment segment, bool isLast)
    {
        var report = segment.Report;
        var found = report.Damage.Select(damage => damage with { SkippedAtMicros = NowMicros }).ToList();
        _losses.AddRange(found);
        var gaps = found.Concat(report.KnownGaps.Where(known => !found.Any(gap => gap.FromByte <= known.FromByte && (gap.ToByte == LogDamage.EndOfFile || known.FromByte < gap.ToByte)))).OrderBy(gap => gap.FromByte).ToList();
        if (isLast && gaps is [.., { ToByte: not LogDamage.EndOfFile }] && !report.IsSealed)
        {
            // It gets no footer any more, and a group that was never acknowledged, elsewhere cut, stays: a damaged segment is left as it is.
            gaps.Add(new LogDamage
            {
                File = report.Path,
                Segment = report.Number,
                FromByte = segment.Torn ?? report.Bytes,
                Reason = "the segment was the last one when damage in it was skipped; another goes on behind it",
                First = report.Next,
                Next = report.Next,
                SkippedAtMicros = NowMicros,
            });
        }

        return gaps;
    }

    private void Create(Manifest manifest, long number, SurveyedEnd end)
    {
        var header = new SegmentHeader(manifest.StoreId, number, end.NextSequence, end.Chain ?? 0, end.Bounds);
        SegmentCreation.Create(device, options.Directory, header, Frame.FooterBytes).File.Dispose();
    }

    private void Remember(Manifest manifest)
    {
        var bytes = manifest.Encode();
        if (bytes.Length > Limits.ManifestBytesMax)
        {
            throw new LogCorruptException(PathOf(LogFiles.Manifest), 0, LogSequence.None, LogSequence.None, $"{manifest.Gaps.Length} damaged places are more than can be skipped");
        }

        LogFiles.Replace(device, options.Directory, LogFiles.Manifest, bytes);
    }

    private long NowMicros => (time.GetUtcNow().UtcTicks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond;

    private string PathOf(string name) => Path.Combine(options.Directory, name);
}
