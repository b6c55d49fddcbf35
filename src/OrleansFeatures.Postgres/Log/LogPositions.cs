using OrleansFeatures.Log;

namespace OrleansFeatures.Postgres.Log;

/// <summary>
/// How far the log is known to be durable in this process: what notifications, looks at the head and own appends have said, whichever says most. Positions only grow. Any thread.
/// </summary>
internal sealed class LogPositions(int partitionCount)
{
    private readonly Lock _gate = new();
    private readonly long[] _durable = [.. Enumerable.Repeat(LogOffset.None.Value, partitionCount)];
    private TaskCompletionSource _moved = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _sequence = LogSequence.None.Value;
    private long _first;

    public LogSequence Durable => new(Volatile.Read(ref _sequence));

    public LogSequence First => new(Volatile.Read(ref _first));

    public LogOffset DurableOf(PartitionId partition) => new(Volatile.Read(ref _durable[partition.Value]));

    /// <summary>Completes at the next move. Ask before looking at what might move.</summary>
    public Task Moved() => Volatile.Read(ref _moved).Task;

    /// <summary>
    /// Some partitions have come so far. Of the others nothing is known by it: an append ahead of this one may not have been heard of.
    /// </summary>
    public void Advance(LogSequence durable, IEnumerable<(int Partition, long Last)> ends) => Advance(durable, First, ends);

    /// <summary>The head of the log says so, of all partitions: also of those whose notification was lost while a later one was heard.</summary>
    public void Advance(LogHead head) => Advance(new LogSequence(head.Next - 1), new LogSequence(head.First), head.NextOffsets.Select((next, partition) => (partition, next - 1)));

    private void Advance(LogSequence durable, LogSequence first, IEnumerable<(int Partition, long Last)> ends)
    {
        bool moved = false;
        lock (_gate)
        {
            foreach ((int partition, long last) in ends)
            {
                moved |= Raise_NeedsLock(ref _durable[partition], last);
            }

            // Only now: whoever sees the sequence sees the offsets too.
            moved |= Raise_NeedsLock(ref _sequence, durable.Value) | Raise_NeedsLock(ref _first, first.Value);
        }

        if (moved)
        {
            Interlocked.Exchange(ref _moved, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
        }
    }

    private static bool Raise_NeedsLock(ref long position, long to)
    {
        if (to <= position)
        {
            return false;
        }

        Volatile.Write(ref position, to);
        return true;
    }
}
