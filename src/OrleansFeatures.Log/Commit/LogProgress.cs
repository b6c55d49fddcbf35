using System.Collections.Immutable;
using OrleansFeatures.Log.Format;

namespace OrleansFeatures.Log.Commit;

/// <summary>One consistent look at the durable log: segments in order, the last one only as far as it is durable.</summary>
internal sealed record LogView(ImmutableArray<SegmentInfo> Sealed, SegmentInfo? Active, LogSequence First, LogSequence Durable)
{
    public long Bytes => Sealed.Sum(segment => segment.Bytes) + (Active?.Bytes ?? 0);
}

/// <summary>What the writer thread has achieved, for everyone else to read without a lock: written by that thread only, after each sync.</summary>
internal sealed class LogProgress
{
    private readonly long[] _nextOffsets;
    private LogView _view;
    private LogPoisonedException? _poison;

    public LogProgress(LogView recovered, long[] nextOffsets) => (_view, _nextOffsets) = (recovered, [.. nextOffsets]);

    public LogView View => Volatile.Read(ref _view);

    public LogPoisonedException? Poisoned => Volatile.Read(ref _poison);

    public LogOffset DurableOffset(PartitionId partition) => new(Volatile.Read(ref _nextOffsets[partition.Value]) - 1);

    public void Advance(LogWriter writer)
    {
        var isSealed = _view.Sealed;
        while (writer.Sealed.TryDequeue(out var segment))
        {
            isSealed = isSealed.Add(segment);
        }

        var next = writer.Cursor.NextOffsets;
        for (var i = 0; i < next.Length; i++)
        {
            Volatile.Write(ref _nextOffsets[i], next[i]);
        }

        Volatile.Write(ref _view, new LogView(isSealed, writer.Active, _view.First, new LogSequence(writer.Cursor.NextSequence - 1)));
    }

    public void Poison(LogPoisonedException poison) => Volatile.Write(ref _poison, poison);
}
