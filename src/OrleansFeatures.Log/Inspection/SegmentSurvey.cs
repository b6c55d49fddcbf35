using OrleansFeatures.Log.Format;

namespace OrleansFeatures.Log.Inspection;

/// <summary>
/// Reads one segment to its end whatever is wrong in it: behind damage it looks for the next sound group header or footer, which states its own position and sequence, and goes on there. Changes nothing, needs
/// one read buffer, and never decides what to do about damage.
/// <code>
///   header | G r r r | G r X ? ? ? ? ? | G r r | F         damage: bytes [--) and the records of the groups in it
///                    [-----------------)
/// </code>
/// </summary>
internal sealed class SegmentSurvey(ILogDevice device, Guid storeId, int partitionCount, DurableMark? mark, SurveyPlace place)
{
    private const int FramesPerCancellationCheck = 4_096;

    private readonly List<(LogDamage Damage, int Number)> _damage = [];
    private readonly List<(int Partition, long Offset)> _group = [];
    private OffsetLedger _ledger = null!;
    private SegmentReader _reader = null!;
    private SurveyedFile? _file;
    private int _gapsPassed;
    private long _length;
    private long _records;
    private long _groups;
    private long? _firstMicros;
    private long? _lastMicros;

    public SurveyedSegment Run(Action<long>? read, CancellationToken cancellationToken)
    {
        if (place.KnownGaps is [{ IsWholeFile: true } gap])
        {
            return Gone(gap);
        }

        SurveyedFile file;
        try
        {
            file = new SurveyedFile(LogFiles.OpenForReading(device, place.Path));
        }
        catch (FileNotFoundException)
        {
            return Whole("the segment is missing");
        }
        catch (LogReadException unreadable)
        {
            return Whole($"the segment cannot be opened: {unreadable.InnerException!.Message}");
        }

        using (file)
        {
            (_file, _length) = (file, file.Length);
            if (Open(file) is { } unreadable)
            {
                return Whole(unreadable);
            }

            Walk(file, read, cancellationToken);
            return Finish();
        }
    }

    /// <summary>Null when reading can begin.</summary>
    private string? Open(ILogFile file)
    {
        var reader = SegmentReader.Open(file, partitionCount, _length, place.KnownGaps, out var header, out var reason);
        if (reader is not null && Foreign(header!) is { } foreign)
        {
            return foreign;
        }

        if (reader is null)
        {
            if (HeaderSalvage.Find(file, _length, partitionCount, place) is not { } salvaged)
            {
                return reason;
            }

            var lost = salvaged.AsDamage(place, _file!.Unreadable(0, salvaged.Found.Position) is { } unreadable ? $"the disk cannot read it: {unreadable}" : reason);
            header = SegmentHeader.Lost(lost, partitionCount);
            reader = SegmentReader.Open(file, partitionCount, _length, [lost, .. place.KnownGaps], out _, out _)!;
            _ledger = NewLedger(header);
            Add(lost, lost.Records);
            _gapsPassed = 1; // The reader will meet it as a gap.
        }
        else
        {
            _ledger = NewLedger(header!);
        }

        _reader = reader;
        return null;
    }

    private OffsetLedger NewLedger(SegmentHeader header) => header.IsLost
        ? new OffsetLedger(place.Before?.Offsets ?? OffsetsAtStart(), place.Before?.Bounds ?? OffsetsAtStart())
        : new OffsetLedger(header.NextOffsets, header.NextOffsets);

    /// <summary>Where partitions stand before the first segment that counts: at 0 if that is the first there ever was.</summary>
    private long[] OffsetsAtStart() => [.. Enumerable.Repeat(place.Number == 1 ? 0 : SegmentReader.Unknown, partitionCount)];

    /// <summary>Why a sound header cannot be this segment's; its first records may be missing, which is the segment's before it to say.</summary>
    private string? Foreign(SegmentHeader header) =>
        header.IsLost ? null
        : header.StoreId != storeId ? "the segment belongs to another log"
        : header.Number != place.Number ? $"the segment states number {header.Number}"
        : header.FirstSequence < place.Before?.NextSequence ? $"the segment begins with sequence {header.FirstSequence} where {place.Before.NextSequence} must be"
        : null;

    private void Walk(ILogFile file, Action<long>? read, CancellationToken cancellationToken)
    {
        for (var frames = 1; ; frames++)
        {
            if (frames % FramesPerCancellationCheck == 0)
            {
                cancellationToken.ThrowIfCancellationRequested();
                read?.Invoke(_reader.Cursor.Position);
            }

            var frame = _reader.Next();
            PassKnownGaps();
            if (!frame.IsEmpty)
            {
                See(frame);
            }
            else if (_reader.Damage is not { } damage || !Leap(file, damage))
            {
                break;
            }
        }

        read?.Invoke(_length);
    }

    private void PassKnownGaps()
    {
        for (; _gapsPassed < _reader.GapsPassed; _gapsPassed++)
        {
            _ledger.Lose(_reader.GapBefore(_gapsPassed).Records);
        }
    }

    private void See(ReadOnlySpan<byte> frame)
    {
        if (Frame.Kind(frame) == FrameKind.Group)
        {
            _group.Clear();
            return;
        }

        if (Frame.Kind(frame) == FrameKind.Record)
        {
            _ledger.See(Frame.Partition(frame), Frame.Offset(frame));
            _group.Add((Frame.Partition(frame), Frame.Offset(frame)));
            if (_reader.GroupEnd == _reader.Cursor.Position)
            {
                _records += _group.Count;
                _groups++;
                _lastMicros = _reader.Cursor.LastGroupMicros;
                _firstMicros ??= _lastMicros;
                _group.Clear();
            }
        }
    }

    /// <summary>Goes on behind damage; false when nothing sound follows, or too many places were found already.</summary>
    private bool Leap(ILogFile file, SegmentDamage damage)
    {
        var (from, first) = _reader.DamagedGroup;
        if (_reader.Sealed || _damage.Count >= Limits.DamagesPerSegmentMax)
        {
            return false;
        }

        for (var at = damage.Position + 1; GroupSearch.Forward(file, _reader.Cursor.Salt, at, _length) is { } found; at = found.Position + 1)
        {
            if (found.Sequence >= first)
            {
                UnseeGroup();
                Add(Place(from, found.Position, damage.Reason, first, found.Sequence) with { BeforeMicros = found.Micros }, found.Sequence - first);
                _reader.Resume(found.Position, found.Sequence);
                return true;
            }
        }

        return false;
    }

    private SurveyedSegment Finish()
    {
        var cursor = _reader.Cursor;
        var (from, first) = _reader.DamagedGroup;
        var reason = _reader.Damage?.Reason;
        var isDurable = !place.IsLast || _reader.Sealed || (mark?.Segment == place.Number && from < mark.Value.Position);
        if (!isDurable)
        {
            UnseeGroup();
            var end = new SurveyedEnd(first, null, _ledger.Known, _ledger.Bounds);
            return new SurveyedSegment(Report(first) with { UnfinishedBytes = _length - from }, end, from < _length ? from : null);
        }

        if (_reader.Sealed && reason is null)
        {
            reason = place.IsNextDirect ? Discontinuity(cursor, place.NextHeader!) : null;
        }
        else if (!_reader.EndsInGap)
        {
            reason ??= !place.IsLast ? "the segment ends without its footer, although a later segment exists" : "the segment ends before what is known to have been durable";
        }

        if (reason is null)
        {
            var chain = _reader.EndsInGap ? (uint?)null : cursor.Chain;
            CloseLedger(cursor.NextSequence);
            return new SurveyedSegment(Report(cursor.NextSequence), new SurveyedEnd(cursor.NextSequence, chain, _ledger.Known, _ledger.Bounds), null);
        }

        return FinishDamaged(from, first, reason);
    }

    /// <summary>From a place on nothing of the segment can be used.</summary>
    private SurveyedSegment FinishDamaged(long from, long first, string reason)
    {
        UnseeGroup();
        var (next, isExact) = _reader.Sealed && !place.IsNextDirect ? (first, true) : EndOf(from, first);
        Add(Place(from, LogDamage.EndOfFile, reason, first, next) with { IsExact = isExact }, next - first);
        CloseLedger(next);
        return new SurveyedSegment(Report(next), new SurveyedEnd(next, null, _ledger.Known, _ledger.Bounds), null);
    }

    private void CloseLedger(long nextSequence)
    {
        if (place.NextHeader is { } next && next.FirstSequence == nextSequence)
        {
            _ledger.Close(next.NextOffsets);
        }
    }

    /// <summary>Where the records of a lost end stop: where the next segment begins, or where no acknowledged one can have been.</summary>
    private (long Next, bool IsExact) EndOf(long from, long first)
    {
        if (place.NextHeader is { } header)
        {
            return (Math.Max(first, header.FirstSequence), header.FirstSequence >= first);
        }

        // The mark may lag by the one group that was acknowledged and not yet noted when the process died.
        var (position, sequence) = mark is { } durable && durable.Segment == place.Number && durable.Position >= from ? (durable.Position, durable.NextSequence) : (from, first);
        sequence = mark?.Segment > place.Number ? Math.Max(sequence, mark.Value.NextSequence) : sequence;
        var beyond = _length < position ? Limits.GroupRecordsMax : (_length - position) / Frame.HeaderBytes;
        return (Math.Max(first, sequence) + beyond, beyond == 0);
    }

    private static string? Discontinuity(SegmentCursor cursor, SegmentHeader next) =>
        next.FirstSequence < cursor.NextSequence ? null // The next one is the wrong one, and its survey says so.
        : next.FirstSequence > cursor.NextSequence ? $"the next segment begins with sequence {next.FirstSequence} where {cursor.NextSequence} must be"
        : next.PreviousChain != cursor.Chain ? "the next segment was not written after this one"
        : cursor.NextOffsets.Zip(next.NextOffsets).Any(pair => pair.First != SegmentReader.Unknown && pair.First != pair.Second) ? "the next segment's base offsets do not continue this one"
        : null;

    /// <summary>Nothing of the segment can be read.</summary>
    private SurveyedSegment Whole(string reason)
    {
        long? first = place.Before?.NextSequence ?? (place.Number == 1 ? 0 : null);
        _ledger = new OffsetLedger(place.Before?.Offsets ?? OffsetsAtStart(), place.Before?.Bounds ?? OffsetsAtStart());
        var (next, isExact) = WholeEnd(first);
        Add(Place(0, LogDamage.EndOfFile, reason, first ?? LogSequence.None.Value, next) with { IsExact = isExact && first is not null }, next - (first ?? next));
        CloseLedger(next);
        return new SurveyedSegment(Report(next), next < 0 ? null : new SurveyedEnd(next, null, _ledger.Known, _ledger.Bounds), null);
    }

    private (long Next, bool IsExact) WholeEnd(long? first)
    {
        if (place.NextHeader is { } header)
        {
            return (Math.Max(header.FirstSequence, first ?? 0), true);
        }

        if (first is null)
        {
            return (LogSequence.None.Value, false);
        }

        var marked = mark?.Segment >= place.Number ? Math.Max(mark.Value.NextSequence, first.Value) : first.Value;
        return (marked + (_length > 0 ? _length / Frame.HeaderBytes : Limits.SegmentRecordsMax), false);
    }

    /// <summary>A segment that was given up before.</summary>
    private SurveyedSegment Gone(LogDamage gap)
    {
        var unknown = Enumerable.Repeat(SegmentReader.Unknown, partitionCount).ToArray();
        _ledger = new OffsetLedger(unknown, place.Before?.Bounds ?? OffsetsAtStart());
        _ledger.Lose(gap.Records);
        CloseLedger(gap.Next.Value);
        return new SurveyedSegment(Report(gap.Next.Value), new SurveyedEnd(gap.Next.Value, null, _ledger.Known, _ledger.Bounds), null);
    }

    private void UnseeGroup()
    {
        for (var at = _group.Count - 1; at >= 0; at--)
        {
            _ledger.Unsee(_group[at].Partition, _group[at].Offset);
        }

        _group.Clear();
    }

    private LogDamage Place(long from, long to, string reason, long first, long next) => new()
    {
        File = place.Path,
        Segment = place.Number,
        FromByte = from,
        ToByte = to,
        Reason = _file?.Unreadable(from, to == LogDamage.EndOfFile ? long.MaxValue : to) is { } unreadable ? $"the disk cannot read it: {unreadable}" : reason,
        First = new LogSequence(first),
        Next = new LogSequence(next),
        AfterMicros = _lastMicros,
    };

    private void Add(LogDamage damage, long records)
    {
        _damage.Add((damage, _ledger.Lose(records)));
    }

    private SegmentReport Report(long next) => new()
    {
        Number = place.Number,
        Path = place.Path,
        Bytes = _length,
        First = new LogSequence(_damage is [{ Damage: { FromByte: 0 } start }, ..] ? start.First.Value : _reader?.Cursor.FirstSequence ?? place.KnownGaps[0].First.Value),
        Next = new LogSequence(next),
        Records = _records,
        Groups = _groups,
        FirstGroupMicros = _firstMicros,
        LastGroupMicros = _lastMicros,
        IsSealed = _reader?.Sealed ?? false,
        Damage = [.. _damage.Select(found => found.Damage with { Offsets = [.. _ledger.Lost(found.Number)] })],
        KnownGaps = place.KnownGaps,
    };
}
