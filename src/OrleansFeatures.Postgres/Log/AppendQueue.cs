using OrleansFeatures.Log;

namespace OrleansFeatures.Postgres.Log;

/// <summary>
/// Batches that wait for their append, in the order in which they came, bounded in bytes. A batch larger than the bound gets in when nothing else is there. Callers may be any number of threads; one loop takes.
/// <code>
///   callers that wait for room ──> queue ──> the group under way        bytes of both count until the group is done
/// </code>
/// </summary>
internal sealed class AppendQueue(long bytesMax)
{
    private readonly Lock _gate = new();
    private readonly LinkedList<PendingAppend> _queue = [];
    private readonly LinkedList<Waiter> _waiters = [];
    private TaskCompletionSource? _arrived;
    private volatile LogUnavailableException? _closed;
    private bool _completed;
    private long _held;

    /// <summary>Bytes of batches that are queued or under way.</summary>
    public long HeldBytes => Volatile.Read(ref _held);

    /// <summary>Why it takes nothing just now; null while it does.</summary>
    public LogUnavailableException? Closed => _closed;

    /// <summary>False if there is no room, or others wait for it already.</summary>
    /// <exception cref="LogException">The log takes nothing just now.</exception>
    public bool TryAdd(PendingAppend append)
    {
        lock (_gate)
        {
            RequireOpen_NeedsLock();
            if (_waiters.Count > 0 || !Fits_NeedsLock(append))
            {
                return false;
            }

            Add_NeedsLock(append);
            return true;
        }
    }

    /// <summary>Waits for room. Cancellation is honoured until the batch is in the queue.</summary>
    /// <exception cref="LogOverloadedException"><see cref="Limits.WaitingAppendsMax"/> callers wait already.</exception>
    public async ValueTask AddAsync(PendingAppend append, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        LinkedListNode<Waiter> place;
        lock (_gate)
        {
            RequireOpen_NeedsLock();
            if (_waiters.Count == 0 && Fits_NeedsLock(append))
            {
                Add_NeedsLock(append);
                return;
            }

            if (_waiters.Count >= Limits.WaitingAppendsMax)
            {
                throw new LogOverloadedException(_waiters.Count);
            }

            place = _waiters.AddLast(new Waiter(append));
        }

        using CancellationTokenRegistration given = cancellationToken.Register(() => GiveUp(place, cancellationToken));
        await place.Value.Admitted.Task;
    }

    /// <summary>Waits until there is something, and takes as much as one transaction should have: of one catalog, up to the byte bound, at least one batch. Null once the queue is complete and empty.</summary>
    public async ValueTask<List<PendingAppend>?> TakeAsync()
    {
        while (true)
        {
            Task arrived;
            lock (_gate)
            {
                if (_queue.Count > 0)
                {
                    return Take_NeedsLock();
                }

                if (_completed)
                {
                    return null;
                }

                arrived = (_arrived = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
            }

            await arrived;
        }
    }

    /// <summary>The group is done with, whatever became of it.</summary>
    public void Release(List<PendingAppend> group)
    {
        lock (_gate)
        {
            _held -= group.Sum(append => append.Bytes);
            while (_waiters.First is { } first && Fits_NeedsLock(first.Value.Append))
            {
                _waiters.RemoveFirst();
                Add_NeedsLock(first.Value.Append);
                first.Value.Admitted.TrySetResult();
            }
        }
    }

    /// <summary>Refuses whatever comes or waits for room, for good. What is in the queue can still be taken.</summary>
    public void Complete()
    {
        List<Waiter> refused;
        lock (_gate)
        {
            _completed = true;
            refused = [.. _waiters];
            _waiters.Clear();
            _arrived?.TrySetResult();
            _arrived = null;
        }

        foreach (Waiter waiter in refused)
        {
            waiter.Append.Fail(Completed());
            waiter.Admitted.TrySetResult();
        }
    }

    /// <summary>Fails everything that waits, and whatever comes, until it is opened again.</summary>
    public void Close(LogUnavailableException cause)
    {
        List<PendingAppend> failed;
        lock (_gate)
        {
            _closed = cause;
            failed = [.. _queue, .. _waiters.Select(waiter => waiter.Append)];
            _held -= _queue.Sum(append => append.Bytes);
            _queue.Clear();
            foreach (Waiter waiter in _waiters)
            {
                waiter.Admitted.TrySetResult();
            }

            _waiters.Clear();
        }

        failed.ForEach(append => append.Fail(cause));
    }

    public void Open()
    {
        lock (_gate)
        {
            _closed = null;
        }
    }

    private void GiveUp(LinkedListNode<Waiter> place, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (place.List is not null)
            {
                _waiters.Remove(place);
                place.Value.Admitted.TrySetCanceled(cancellationToken);
            }
        }
    }

    private List<PendingAppend> Take_NeedsLock()
    {
        List<PendingAppend> group = [];
        Domain.Definitions.Catalog? catalog = null;
        long bytes = 0;
        while (_queue.First is { Value: var next } && (group.Count == 0 || bytes + next.Bytes <= Limits.AppendGroupBytesMax) && (catalog is null || next.Catalog is null || next.Catalog == catalog))
        {
            _queue.RemoveFirst();
            group.Add(next);
            bytes += next.Bytes;
            catalog ??= next.Catalog;
        }

        return group;
    }

    private bool Fits_NeedsLock(PendingAppend append) => _held == 0 || _held + append.Bytes <= bytesMax;

    private void Add_NeedsLock(PendingAppend append)
    {
        _queue.AddLast(append);
        _held += append.Bytes;
        _arrived?.TrySetResult();
        _arrived = null;
    }

    private void RequireOpen_NeedsLock()
    {
        if (_completed)
        {
            throw Completed();
        }

        if (_closed is not null)
        {
            // Not the same again: its trace would be everybody's.
            throw new LogUnavailableException(_closed.Message, _closed);
        }
    }

    private static ObjectDisposedException Completed() => new(nameof(PostgresLog), "The log is closed.");

    private sealed record Waiter(PendingAppend Append)
    {
        public TaskCompletionSource Admitted { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
