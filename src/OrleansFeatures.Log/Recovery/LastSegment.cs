using OrleansFeatures.Log.Format;

namespace OrleansFeatures.Log.Recovery;

/// <summary>The last segment, its file open for writing at the cursor; no file when the segment is sealed.</summary>
internal sealed record RecoveredSegment(SegmentInfo Info, SegmentCursor Cursor, ILogFile? File);

/// <summary>
/// The last segment, where a crash may have left a group half written. A torn group is cut as a whole; damage is refused. What tells
/// them apart is proof that the place was durable once:
/// <code>
///   G r r r | G r X r | G r        a sound group header or footer behind X states its own position: everything before it was synced
///   G r r r | G r X r |            or the durable mark lies behind X
///   G r r r | G r X .......        neither: this group was never acknowledged; cut at its header
/// </code>
/// A group is only ever written when the one before it is durable, so at most one group can be torn. Record frames that survive behind X
/// within that same group prove nothing: the disk may have kept later pages of it and lost earlier ones.
/// </summary>
internal sealed class LastSegment(LogOptions options, ILogDevice device, Manifest manifest, long number, DurableMark? mark)
{
    private readonly string _path = Path.Combine(options.Directory, LogFiles.Segment(number));

    public RecoveredSegment Recover(SegmentEnd? before)
    {
        if (mark is { } later && later.Segment > number)
        {
            throw new LogCorruptException(Path.Combine(options.Directory, LogFiles.Segment(later.Segment)), 0, LogSequence.None,
                new LogSequence(later.NextSequence - 1), "the segment is missing, although the durable mark names it");
        }

        using var reader = ReadThrough(before, end: null, out var length);
        var end = reader.Damage is null ? reader.Cursor.Position : reader.GroupEnd;
        RequireTorn(reader, end, length);
        // After a cut the counters must stand where the cut is: read again up to there.
        using var upToCut = reader.Damage is null ? null : ReadThrough(before, end, out _);
        var sound = upToCut ?? reader;
        var file = MakeDurable(sound, end);
        if (sound.Sealed)
        {
            file.Dispose();
        }

        return new RecoveredSegment(SegmentInfo.Of(sound.Cursor, _path, manifest.GapsOf(number)), sound.Cursor, sound.Sealed ? null : file);
    }

    private SegmentReader ReadThrough(SegmentEnd? before, long? end, out long length)
    {
        var file = LogFiles.OpenForReading(device, _path);
        length = file.Length;
        var reader = SegmentReader.Open(file, manifest.PartitionCount, end, manifest.GapsOf(number), out var header, out var reason);
        if (reader is null)
        {
            file.Dispose();
            throw Corrupt(0, before?.NextSequence ?? 0, reason);
        }

        if (SegmentEnd.Mismatch(before, header!, manifest, number) is { } mismatch)
        {
            reader.Dispose();
            throw Corrupt(0, before?.NextSequence ?? header!.FirstSequence, mismatch);
        }

        while (!reader.Next().IsEmpty)
        {
        }

        return reader;
    }

    /// <summary>Throws unless everything behind <paramref name="end"/> can be an unfinished, never acknowledged write.</summary>
    private void RequireTorn(SegmentReader reader, long end, long length)
    {
        var position = reader.Damage?.Position ?? end;
        if (mark is { } durable && durable.Segment == number && end < durable.Position)
        {
            throw Corrupt(position, reader.Cursor.NextSequence,
                (reader.Damage?.Reason ?? "the segment ends") + $", although everything up to byte {durable.Position} was durable", durable.NextSequence - 1);
        }

        if (reader.Damage is not { } damage)
        {
            return;
        }

        if (reader.Sealed)
        {
            throw Corrupt(damage.Position, reader.Cursor.NextSequence, "bytes follow the segment's footer");
        }

        if (Proof(reader.Cursor.Salt, damage.Position + 1, length) is { } proof)
        {
            throw Corrupt(damage.Position, reader.Cursor.NextSequence,
                damage.Reason + $", although byte {proof.Position} holds proof that everything before it was durable", proof.Sequence - 1);
        }
    }

    private GroupSearch.Found? Proof(uint salt, long from, long length)
    {
        using var file = LogFiles.OpenForReading(device, _path);
        return GroupSearch.Forward(file, salt, from, length);
    }

    /// <summary>
    /// Makes what was found durable before anything is built on it. The last group, or the footer behind it, may never have been synced, or its sync may
    /// have failed and the kernel may since call its pages clean; so unless the mark proves it durable, it is written again and not just synced.
    /// </summary>
    private ILogFile MakeDurable(SegmentReader reader, long end)
    {
        var file = device.Open(_path, LogFileAccess.ReadWrite);
        var opened = false;
        try
        {
            file.Truncate(end);
            if (!(mark is { } durable && durable.Segment == number && durable.Position >= end) && reader.GroupStart < end)
            {
                var group = new byte[end - reader.GroupStart];
                file.Read(reader.GroupStart, group);
                file.Write(reader.GroupStart, [group]);
            }

            file.Sync();
            device.SyncDirectory(options.Directory);
            opened = true;
            return file;
        }
        finally
        {
            if (!opened)
            {
                file.Dispose();
            }
        }
    }

    private LogCorruptException Corrupt(long position, long first, string reason, long last = -1) =>
        new(_path, position, new LogSequence(first), new LogSequence(last), reason);
}
