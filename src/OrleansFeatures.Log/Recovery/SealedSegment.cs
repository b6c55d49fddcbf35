using System.Collections.Immutable;
using OrleansFeatures.Log.Format;
using OrleansFeatures.Log.Inspection;

namespace OrleansFeatures.Log.Recovery;

/// <summary>
/// Where one segment ended: what the next one's header must say. The chain is null where the end is a known gap, offsets are where the segment was not read through, and
/// <see cref="SegmentReader.Unknown"/> for partitions without a record behind a known gap.
/// </summary>
internal sealed record SegmentEnd(long NextSequence, uint? Chain, long[]? NextOffsets)
{
    /// <summary>Null when the header continues this end.</summary>
    public static string? Mismatch(SegmentEnd? before, SegmentHeader header, Manifest manifest, long number) =>
        header.IsLost ? null
        : header.StoreId != manifest.StoreId ? "the segment belongs to another log"
        : header.Number != number ? $"the segment states number {header.Number}"
        : before is null ? null
        : header.FirstSequence != before.NextSequence ? $"the segment begins with sequence {header.FirstSequence} where {before.NextSequence} must be"
        : before.Chain is { } chain && header.PreviousChain != chain ? "the segment before it is not the one that it was written after"
        : before.NextOffsets is not null && !Continues(before.NextOffsets, header.NextOffsets) ? "the segment's base offsets do not continue the segment before it"
        : null;

    private static bool Continues(long[] before, long[] next)
    {
        for (var partition = 0; partition < before.Length; partition++)
        {
            if (before[partition] != next[partition] && before[partition] != SegmentReader.Unknown)
            {
                return false;
            }
        }

        return true;
    }
}

/// <summary>A segment that has a successor was sealed and synced: whatever is wrong in it, outside of known gaps, is damage. Null where a known gap is all of it.</summary>
internal sealed class SealedSegment(LogOptions options, ILogDevice device, Manifest manifest, long number)
{
    private readonly ImmutableArray<LogDamage> _gaps = manifest.GapsOf(number);
    private readonly string _path = Path.Combine(options.Directory, LogFiles.Segment(number));

    /// <summary>Reads and checks every byte.</summary>
    public SegmentInfo? VerifyAll(ref SegmentEnd? before)
    {
        if (IsGone(ref before))
        {
            return null;
        }

        var file = LogFiles.OpenForReading(device, _path);
        using var reader = SegmentReader.Open(file, manifest.PartitionCount, null, _gaps, out var header, out var reason);
        if (reader is null)
        {
            file.Dispose();
            throw Corrupt(0, before?.NextSequence ?? 0, reason);
        }

        RequireContinuation(before, header!);
        while (!reader.Next().IsEmpty)
        {
        }

        var cursor = reader.Cursor;
        if (reader.Damage is { } damage)
        {
            throw Corrupt(damage.Position, cursor.NextSequence, damage.Reason);
        }

        if (!reader.Sealed && !reader.EndsInGap)
        {
            throw Corrupt(cursor.Position, cursor.NextSequence, "the segment ends without its footer, although a later segment exists");
        }

        before = new SegmentEnd(cursor.NextSequence, reader.EndsInGap ? null : cursor.Chain, cursor.NextOffsets);
        return SegmentInfo.Of(cursor, _path, _gaps) with { Bytes = _gaps.IsEmpty ? cursor.Position : LengthOf() };
    }

    /// <summary>Reads header and footer only; replay checks what lies between.</summary>
    public SegmentInfo? VerifyEnds(ref SegmentEnd? before)
    {
        if (IsGone(ref before))
        {
            return null;
        }

        using var file = LogFiles.OpenForReading(device, _path);
        var bytes = new byte[SegmentHeader.Bytes(manifest.PartitionCount)];
        var reason = "";
        var header = (_gaps is [{ FromByte: 0 } lost, ..] ? SegmentHeader.Lost(lost, manifest.PartitionCount) : SegmentHeader.Decode(bytes.AsSpan(0, file.Read(0, bytes)), manifest.PartitionCount, out reason))
            ?? throw Corrupt(0, before?.NextSequence ?? 0, reason);
        RequireContinuation(before, header);
        if (_gaps is [.., { ToByte: LogDamage.EndOfFile } end])
        {
            before = new SegmentEnd(end.Next.Value, null, null);
        }
        else
        {
            var footer = Footer.ReadLast(file, header.Salt, bytes.Length)
                ?? throw Corrupt(Math.Max(bytes.Length, file.Length - Frame.FooterBytes), header.FirstSequence, "the segment does not end with a sound footer, although a later segment exists");
            before = new SegmentEnd(footer.NextSequence, footer.EndChain, null);
        }

        return new SegmentInfo(number, _path, header.FirstSequence, before.NextSequence, file.Length, LastGroupMicros: null, _gaps);
    }

    private bool IsGone(ref SegmentEnd? before)
    {
        if (_gaps is not [{ IsWholeFile: true } gap, ..])
        {
            return false;
        }

        before = new SegmentEnd(gap.Next.Value, null, null);
        return true;
    }

    private long LengthOf()
    {
        using var file = LogFiles.OpenForReading(device, _path);
        return file.Length;
    }

    private void RequireContinuation(SegmentEnd? before, SegmentHeader header)
    {
        if (SegmentEnd.Mismatch(before, header, manifest, number) is { } mismatch)
        {
            throw Corrupt(0, before?.NextSequence ?? header.FirstSequence, mismatch);
        }
    }

    private LogCorruptException Corrupt(long position, long sequence, string reason) =>
        new(_path, position, new LogSequence(sequence), LastSequence(), reason);

    /// <summary>The range in the message ends where the next segment's header says that it begins, if that header is sound.</summary>
    private LogSequence LastSequence()
    {
        try
        {
            using var file = LogFiles.OpenForReading(device, Path.Combine(options.Directory, LogFiles.Segment(number + 1)));
            var bytes = new byte[SegmentHeader.Bytes(manifest.PartitionCount)];
            var next = SegmentHeader.Decode(bytes.AsSpan(0, file.Read(0, bytes)), manifest.PartitionCount, out _);
            return next is null ? LogSequence.None : new LogSequence(next.FirstSequence - 1);
        }
        catch (Exception e) when (e is FileNotFoundException or LogReadException)
        {
            return LogSequence.None; // A known gap, or the next damage.
        }
    }
}
