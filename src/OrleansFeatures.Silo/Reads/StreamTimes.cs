using Microsoft.Extensions.Logging;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Log;
using OrleansFeatures.Postgres.Log;

namespace OrleansFeatures.Silo.Reads;

/// <summary>
/// Stream time as reads know it, in this silo: what an append tells the clocks is told once every partition that it touched has applied it, wherever that is, and every append before it. So stream time is never ahead of what a read can see.
/// <code>
///   appends in order     told told told │ waits: partition 7 has not come so far │ ...
/// </code>
/// </summary>
internal sealed class StreamTimes(PostgresLog log, EventIntake intake, ClusterPositions positions, TimeProvider time, ILogger<StreamTimes> logger)
{
    private readonly Lock _gate = new();
    private readonly Queue<AppendMark> _waiting = new();
    private readonly Dictionary<PartitionId, LogOffset> _told = [];
    private TaskCompletionSource _moved = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Reads what appends tell: first all until now as one, then each as it comes, until cancelled.</summary>
    public async Task FollowAsync(CancellationToken cancellationToken)
    {
        LogSequence? read = null;
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                IReadOnlyList<AppendMark> marks = read is { } last ? await log.ReadMarksAsync(last, cancellationToken)
                    : await log.ReadMarksSoFarAsync(cancellationToken) is { } soFar ? [soFar]
                    : [];
                read = marks.Count > 0 ? marks[^1].Last : LogSequence.None;
                await AddAsync(marks, cancellationToken);
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (LogException failure)
            {
                logger.MarksUnreadable(failure.Message);
                await Task.Delay(Limits.RetryPauseMax, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <summary>Tells the clocks of every append that has been applied everywhere.</summary>
    public void Tell()
    {
        lock (_gate)
        {
            while (_waiting.TryPeek(out AppendMark? next) && next.Ends.All(end => positions.Of(end.Partition) is { } known && known.Applied >= end.Offset.Value))
            {
                _waiting.Dequeue().Marks.Tell(intake.Clocks);
                foreach (PartitionOffset end in next.Ends)
                {
                    _told[end.Partition] = end.Offset;
                }
            }
        }

        Interlocked.Exchange(ref _moved, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
    }

    /// <summary>
    /// A record can be read: waits a little until stream time has come as far. It would come by itself within <see cref="Limits.PositionsEvery"/>, and is late rather than wrong where a silo does not answer.
    /// </summary>
    public async Task ReachAsync(PartitionOffset position, CancellationToken cancellationToken)
    {
        for (long begun = time.GetTimestamp(); !IsTold(position) && time.GetElapsedTime(begun) < Limits.StreamTimeWaitMax;)
        {
            await positions.AskAsync().WaitAsync(cancellationToken);
        }
    }

    private bool IsTold(PartitionOffset position)
    {
        lock (_gate)
        {
            return _told.TryGetValue(position.Partition, out LogOffset told) && told.CompareTo(position.Offset) >= 0;
        }
    }

    /// <summary>No more wait here than <see cref="Limits.MarksWaitingMax"/>: what is behind them is read when they have been told.</summary>
    private async Task AddAsync(IReadOnlyList<AppendMark> marks, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            foreach (AppendMark mark in marks)
            {
                _waiting.Enqueue(mark);
            }
        }

        for (Task moved = Volatile.Read(ref _moved).Task; WaitingCount > Limits.MarksWaitingMax; moved = Volatile.Read(ref _moved).Task)
        {
            await moved.WaitAsync(cancellationToken);
        }
    }

    private int WaitingCount
    {
        get
        {
            lock (_gate)
            {
                return _waiting.Count;
            }
        }
    }
}
