using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.Reads;

/// <summary>Reads that wait until a partition has applied an offset. Bounded by <see cref="Limits.TokenWaitersMax"/>.</summary>
internal sealed class TokenWaiters : IDisposable
{
    private readonly Lock _gate = new();
    private readonly List<Waiter> _waiters = [];
    private bool _disposed;

    public async Task WaitAsync(PartitionOffset position, Func<LogOffset> applied, CancellationToken cancellationToken)
    {
        if (applied().Value >= position.Offset.Value)
        {
            return;
        }

        var waiter = new Waiter(position);
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, typeof(TokenWaiters));
            if (_waiters.Count >= Limits.TokenWaitersMax)
            {
                throw new TooManyWaitersException();
            }

            _waiters.Add(waiter);
        }

        try
        {
            // What was applied between the first look and the entry into the list woke nobody.
            if (applied().Value < position.Offset.Value)
            {
                // The waiter's own completion and not Task.WaitAsync, which would come back by way of the thread pool.
                using CancellationTokenRegistration patience = cancellationToken.Register(() => waiter.Reached.TrySetCanceled(cancellationToken));
                await waiter.Reached.Task;
            }
        }
        finally
        {
            lock (_gate)
            {
                _waiters.Remove(waiter);
            }
        }
    }

    public void Wake(Func<PartitionId, LogOffset> applied)
    {
        lock (_gate)
        {
            foreach (Waiter waiter in _waiters)
            {
                if (applied(waiter.Position.Partition).Value >= waiter.Position.Offset.Value)
                {
                    waiter.Reached.TrySetResult();
                }
            }
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            foreach (Waiter waiter in _waiters)
            {
                waiter.Reached.TrySetCanceled();
            }
        }
    }

    private sealed class Waiter(PartitionOffset position)
    {
        public PartitionOffset Position => position;

        public TaskCompletionSource Reached { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
