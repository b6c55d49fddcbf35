using System.Runtime.InteropServices;
using OrleansFeatures.Log;
using OrleansFeatures.Postgres.Log;

namespace OrleansFeatures.Silo.Tests.Streams;

/// <summary>A log in memory as all silos of a test follow it. Frames are whatever bytes the test gives: streams do not look at them.</summary>
internal sealed class FakeTails(int partitions) : IPartitionTails
{
    private readonly Lock _gate = new();
    private readonly List<PartitionBatch>[] _batches = [.. Enumerable.Range(0, partitions).Select(_ => new List<PartitionBatch>())];
    private readonly long[] _dropped = [.. Enumerable.Repeat(-1L, partitions)];
    private TaskCompletionSource _appended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private LogException? _broken;
    private int _open;

    /// <summary>Tails that are open.</summary>
    public int OpenTails => Volatile.Read(ref _open);

    /// <summary>Reads that were refused.</summary>
    public int Refused { get; private set; }

    /// <summary>What every read throws until it is set back to null.</summary>
    public LogException? Broken
    {
        get => _broken;
        set
        {
            lock (_gate)
            {
                _broken = value;
                Wake();
            }
        }
    }

    /// <summary>Appends records to one partition, as one append gives them to it.</summary>
    public PartitionBatch Append(int partition, int records = 1, int bytes = 16)
    {
        lock (_gate)
        {
            long first = DurableOf(partition) + 1;
            var batch = new PartitionBatch(new PartitionId(partition), new LogOffset(first), new LogOffset(first + records - 1), new byte[bytes]);
            _batches[partition].Add(batch);
            Wake();
            return batch;
        }
    }

    /// <summary>Lets go of a partition's records through an offset, as a log does with old history.</summary>
    public void Drop(int partition, long through)
    {
        lock (_gate)
        {
            _dropped[partition] = through;
            Wake();
        }
    }

    public PartitionTail Open(PartitionId partition, LogOffset after)
    {
        Interlocked.Increment(ref _open);
        return new Tail(this, partition.Value, after.Value);
    }

    public LogOffset Durable(PartitionId partition)
    {
        lock (_gate)
        {
            return new LogOffset(DurableOf(partition.Value));
        }
    }

    public async ValueTask WaitDurableBeyondAsync(PartitionId partition, LogOffset offset, CancellationToken ct)
    {
        while (Durable(partition).Value <= offset.Value)
        {
            await Appended(partition.Value, offset.Value).WaitAsync(ct);
        }
    }

    private long DurableOf(int partition) => _batches[partition].Count == 0 ? -1 : _batches[partition][^1].Last.Value;

    private void Wake()
    {
        _appended.TrySetResult();
        _appended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private Task Appended(int partition, long offset)
    {
        lock (_gate)
        {
            return _broken is not null || offset < _dropped[partition] || DurableOf(partition) > offset ? Task.CompletedTask : _appended.Task;
        }
    }

    private List<PartitionBatch> Behind(int partition, long after, int bytesMax)
    {
        lock (_gate)
        {
            if (_broken is not null)
            {
                Refused++;
                throw _broken;
            }

            if (after < _dropped[partition])
            {
                throw new PartitionTruncatedException(new PartitionId(partition), new LogOffset(after + 1), new LogOffset(_dropped[partition] + 1));
            }

            int bytes = 0;
            return [.. CollectionsMarshal.AsSpan(_batches[partition]).ToArray().Where(batch => batch.Last.Value > after).TakeWhile((batch, index) => (bytes += batch.Frames.Length) <= bytesMax || index == 0)];
        }
    }

    private sealed class Tail(FakeTails log, int partition, long after) : PartitionTail
    {
        private long _after = after;

        public override async ValueTask<IReadOnlyList<PartitionBatch>> ReadAsync(int bytesMax, CancellationToken ct)
        {
            while (true)
            {
                List<PartitionBatch> batches = log.Behind(partition, _after, bytesMax);
                if (batches.Count > 0)
                {
                    _after = batches[^1].Last.Value;
                    return batches;
                }

                await log.Appended(partition, _after).WaitAsync(ct);
            }
        }

        public override ValueTask DisposeAsync()
        {
            Interlocked.Decrement(ref log._open);
            return default;
        }
    }
}
