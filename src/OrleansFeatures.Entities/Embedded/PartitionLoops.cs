using System.Threading.Channels;
using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.Embedded;

/// <summary>
/// Applies committed batches in commit order. Each loop owns every partition whose number modulo the number of loops is its own, so a partition's
/// records are applied by one thread in offset order, and loops never wait for each other. Every loop walks every batch and takes its own
/// records: skipping one costs a nanosecond, a queue per partition would cost a hundred.
/// <code>
///   log.Committed ──> dispatcher ──┬──> loop 0: partitions 0, 4, 8 ...
///                                  ├──> loop 1: partitions 1, 5, 9 ...     the last loop to finish a batch releases it
///                                  └──> ...
/// </code>
/// A batch of a few records that comes while no other is under way is applied by the dispatcher itself: waking the loops would cost ten times as much as applying it, and whoever pushes one event and waits for it would
/// wait for them. Ends when the log completes its channel, be it closed or poisoned.
/// </summary>
internal sealed class PartitionLoops : IAsyncDisposable
{
    private readonly Channel<SharedBatch>[] _queues;
    private readonly Task _all;
    private readonly Action<LogRecords, int, int> _apply;
    private readonly Action<CommittedBatch> _applied;

    /// <summary>Batches that the loops have not finished. Only the dispatcher adds, so where it finds none, no loop touches a partition.</summary>
    private int _underWay;

    public PartitionLoops(ChannelReader<CommittedBatch> committed, int loops, Action<LogRecords, int, int> apply, Action<CommittedBatch> applied)
    {
        (_apply, _applied) = (apply, applied);
        _queues = [.. Enumerable.Range(0, loops).Select(_ => Channel.CreateBounded<SharedBatch>(
            new BoundedChannelOptions(Limits.LoopQueueBatchesMax) { SingleReader = true, SingleWriter = true }))];
        _all = Task.WhenAll([Background.Run(() => DispatchAsync(committed)), .. Enumerable.Range(0, loops).Select(loop => Background.Run(() => RunAsync(loop)))]);
    }

    /// <summary>Waits until everything that was committed has been applied.</summary>
    public async ValueTask DisposeAsync() => await _all;

    private async Task DispatchAsync(ChannelReader<CommittedBatch> committed)
    {
        try
        {
            while (await committed.WaitToReadAsync())
            {
                while (committed.TryRead(out CommittedBatch? batch))
                {
                    if (batch.Count <= Limits.DispatcherRecordsMax && Volatile.Read(ref _underWay) == 0)
                    {
                        ApplyHere(batch);
                        continue;
                    }

                    Interlocked.Increment(ref _underWay);
                    var shared = new SharedBatch(batch, _queues.Length);
                    foreach (var queue in _queues)
                    {
                        await queue.Writer.WriteAsync(shared);
                    }
                }
            }
        }
        catch (LogPoisonedException)
        {
            // The log answers every append with it, and readiness too: here it only means that no more batches come.
        }
        finally
        {
            foreach (var queue in _queues)
            {
                queue.Writer.Complete();
            }
        }
    }

    private async Task RunAsync(int loop)
    {
        ChannelReader<SharedBatch> queue = _queues[loop].Reader;
        while (await queue.WaitToReadAsync())
        {
            while (queue.TryRead(out SharedBatch? shared))
            {
                _apply(shared.Batch.Records, loop, _queues.Length);
                if (shared.IsLastToFinish())
                {
                    _applied(shared.Batch);
                    shared.Batch.Release();
                    Interlocked.Decrement(ref _underWay);
                }
            }
        }
    }

    /// <summary>Every loop's share, one after the other.</summary>
    private void ApplyHere(CommittedBatch batch)
    {
        for (int loop = 0; loop < _queues.Length; loop++)
        {
            _apply(batch.Records, loop, _queues.Length);
        }

        _applied(batch);
        batch.Release();
    }

    private sealed class SharedBatch(CommittedBatch batch, int loops)
    {
        private int _remaining = loops;

        public CommittedBatch Batch => batch;

        public bool IsLastToFinish() => Interlocked.Decrement(ref _remaining) == 0;
    }
}
