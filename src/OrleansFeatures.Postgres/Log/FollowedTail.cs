using OrleansFeatures.Log;

namespace OrleansFeatures.Postgres.Log;

/// <summary>
/// A tail and what has been brought to it and not been read yet. Rows come from two sides: from the silo's own appends, as they commit, and from queries for everything else. Both are taken only where they continue what is there;
/// what is there already is passed over, what would leave a gap or has no room is left to a later query. Any thread may bring; one reads.
/// <code>
///      reader takes ..  [17-20] [21-21] [22-40]  .. next wanted: 41        durable in PostgreSQL: 58
///                      waiting rows
/// </code>
/// </summary>
internal sealed class FollowedTail : PartitionTail
{
    private readonly Lock _gate = new();
    private readonly Queue<PartitionBatch> _waiting = new();
    private readonly LogFollower _follower;
    private TaskCompletionSource? _brought;
    private LogException? _failure;
    private long _next;
    private long _bytes;
    private bool _closed;

    public FollowedTail(LogFollower follower, PartitionId partition, LogOffset after)
    {
        (_follower, Partition) = (follower, partition);
        _next = after.Value + 1;
    }

    public PartitionId Partition { get; }

    /// <summary>Where a query must begin for this tail; null when it has all that is durable, or no room.</summary>
    public LogOffset? Wanted()
    {
        lock (_gate)
        {
            return _closed || _failure is not null || IsFull_NeedsLock() || _next > _follower.Durable(Partition).Value ? null : new LogOffset(_next);
        }
    }

    /// <summary>Brings a row. False if it does not continue what is here, or there is no room.</summary>
    public bool Bring(PartitionBatch row)
    {
        lock (_gate)
        {
            if (_closed || row.Last.Value < _next || row.First.Value > _next || IsFull_NeedsLock())
            {
                return false;
            }

            if (row.First.Value < _next)
            {
                try
                {
                    row = row.From(new LogOffset(_next));
                }
                catch (LogCorruptException corrupt)
                {
                    Fail_NeedsLock(corrupt);
                    return false;
                }
            }

            _waiting.Enqueue(row);
            _bytes += row.Frames.Length;
            _next = row.Last.Value + 1;
            Wake_NeedsLock();
            return true;
        }
    }

    /// <summary>What is wanted from there on is not in the log any more.</summary>
    public void Miss(LogOffset start, LogOffset first)
    {
        lock (_gate)
        {
            if (_next == start.Value)
            {
                Fail_NeedsLock(new PartitionTruncatedException(Partition, start, first));
            }
        }
    }

    public override async ValueTask<IReadOnlyList<PartitionBatch>> ReadAsync(int bytesMax, CancellationToken ct)
    {
        while (true)
        {
            Task brought;
            lock (_gate)
            {
                ObjectDisposedException.ThrowIf(_closed, this);
                if (_waiting.Count > 0)
                {
                    return Take_NeedsLock(bytesMax);
                }

                if (_failure is { } failure)
                {
                    // The next call tries again.
                    _failure = null;
                    throw failure;
                }

                brought = (_brought ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
            }

            _follower.Wake();
            await brought.WaitAsync(ct);
        }
    }

    public override ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            _closed = true;
            _waiting.Clear();
            _bytes = 0;
            Wake_NeedsLock();
        }

        _follower.Close(this);
        return ValueTask.CompletedTask;
    }

    private List<PartitionBatch> Take_NeedsLock(int bytesMax)
    {
        bool wasFull = IsFull_NeedsLock();
        List<PartitionBatch> taken = [];
        long bytes = 0;
        while (_waiting.TryPeek(out PartitionBatch? next) && (taken.Count == 0 || bytes + next.Frames.Length <= bytesMax))
        {
            taken.Add(_waiting.Dequeue());
            bytes += next.Frames.Length;
        }

        _bytes -= bytes;
        if (wasFull)
        {
            _follower.Wake();
        }

        return taken;
    }

    private bool IsFull_NeedsLock() => _waiting.Count > 0 && (_bytes >= Limits.TailBytesMax || _waiting.Count >= Limits.TailRowsMax);

    private void Fail_NeedsLock(LogException failure)
    {
        _failure = failure;
        Wake_NeedsLock();
    }

    private void Wake_NeedsLock()
    {
        _brought?.TrySetResult();
        _brought = null;
    }
}
