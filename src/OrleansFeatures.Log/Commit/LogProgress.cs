using System.Collections.Immutable;
using OrleansFeatures.Log.Format;
using OrleansFeatures.Log.Inspection;

namespace OrleansFeatures.Log.Commit;

/// <summary>One consistent look at the durable log: segments in order, the last one only as far as it is durable. Segments that were given up are not among them, only among the gaps.</summary>
internal sealed record LogView(ImmutableArray<SegmentInfo> Sealed, SegmentInfo? Active, LogSequence First, LogSequence Durable, ImmutableArray<LogDamage> Gaps)
{
    public long Bytes => Sealed.Sum(segment => segment.Bytes) + (Active?.Bytes ?? 0);
}

/// <summary>What the writer thread has achieved, for everyone else to read without a lock: written by that thread after each sync, and by truncation.</summary>
internal sealed class LogProgress
{
    private readonly Lock _changes = new();
    private readonly long[] _nextOffsets;
    private LogView _view;
    private LogPoisonedException? _poison;

    public LogProgress(LogView recovered, long[] nextOffsets) => (_view, _nextOffsets) = (recovered, [.. nextOffsets]);

    public LogView View => Volatile.Read(ref _view);

    public LogPoisonedException? Poisoned => Volatile.Read(ref _poison);

    public LogOffset DurableOffset(PartitionId partition) => new(Volatile.Read(ref _nextOffsets[partition.Value]) - 1);

    public void Advance(LogWriter writer)
    {
        var next = writer.Cursor.NextOffsets;
        for (var i = 0; i < next.Length; i++)
        {
            Volatile.Write(ref _nextOffsets[i], next[i]);
        }

        lock (_changes)
        {
            var isSealed = _view.Sealed;
            while (writer.Sealed.TryDequeue(out var segment))
            {
                isSealed = isSealed.Add(segment);
            }

            Volatile.Write(ref _view, _view with { Sealed = isSealed, Active = writer.Active, Durable = new LogSequence(writer.Cursor.NextSequence - 1) });
        }
    }

    /// <summary>Takes the segments before this one out of sight and returns them. The last segment is never among them.</summary>
    public ImmutableArray<SegmentInfo> DropBefore(long number)
    {
        lock (_changes)
        {
            var count = _view.Sealed.TakeWhile(segment => segment.Number < number).Count();
            var (dropped, kept) = (_view.Sealed[..count], _view.Sealed[count..]);
            var first = (kept.IsEmpty ? _view.Active : kept[0]) ?? throw new LogInvariantException("Truncation dropped the last segment, which must stay.");
            Volatile.Write(ref _view, _view with { Sealed = kept, First = new LogSequence(first.FirstSequence), Gaps = _view.Gaps.RemoveAll(gap => gap.Segment < number) });
            return dropped;
        }
    }

    /// <summary>Somebody has looked up what was not known of a sealed segment.</summary>
    public void Learn(SegmentInfo known)
    {
        lock (_changes)
        {
            var at = _view.Sealed.BinarySearch(known, SegmentInfo.ByNumber);
            if (at >= 0)
            {
                Volatile.Write(ref _view, _view with { Sealed = _view.Sealed.SetItem(at, known) });
            }
        }
    }

    public void Poison(LogPoisonedException poison) => Volatile.Write(ref _poison, poison);
}
