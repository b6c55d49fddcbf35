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

    /// <summary>Some partitions have come so far.</summary>
    public void Advance(LogSequence durable, IEnumerable<(int Partition, long Last)> ends)
    {
        lock (_gate)
        {
            foreach ((int partition, long last) in ends)
            {
                Volatile.Write(ref _durable[partition], Math.Max(_durable[partition], last));
            }

            // Only now: whoever sees the sequence sees the offsets too.
            Volatile.Write(ref _sequence, Math.Max(_sequence, durable.Value));
        }

        Interlocked.Exchange(ref _moved, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
    }

    /// <summary>The head of the log says so.</summary>
    public void Advance(LogHead head)
    {
        lock (_gate)
        {
            Volatile.Write(ref _first, Math.Max(_first, head.First));
        }

        if (head.Next - 1 > Durable.Value)
        {
            Advance(new LogSequence(head.Next - 1), head.NextOffsets.Select((next, partition) => (partition, next - 1)));
        }
    }
}
