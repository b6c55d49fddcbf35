namespace OrleansFeatures.Entities.Intake;

/// <summary>
/// Many batches at once, or one change of definitions alone. A change that waits keeps new batches out, so that it cannot be starved.
/// </summary>
internal sealed class CatalogGate
{
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _changes = new(1, 1);
    private TaskCompletionSource? _closed;
    private TaskCompletionSource? _empty;
    private int _inside;

    /// <summary>Enters for one batch; leave by disposing.</summary>
    public async ValueTask<IDisposable> EnterAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            Task opened;
            lock (_gate)
            {
                if (_closed is null)
                {
                    _inside++;
                    return new Lease(Leave);
                }

                opened = _closed.Task;
            }

            await Background.WaitAsync(opened, cancellationToken);
        }
    }

    /// <summary>Keeps new batches out and waits until those inside have left; open again by disposing.</summary>
    public async ValueTask<IDisposable> CloseAsync(CancellationToken cancellationToken)
    {
        await Background.EnterAsync(_changes, cancellationToken);
        Task empty;
        lock (_gate)
        {
            _closed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _empty = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            if (_inside == 0)
            {
                _empty.SetResult();
            }

            empty = _empty.Task;
        }

        try
        {
            await Background.WaitAsync(empty, cancellationToken);
        }
        catch
        {
            Open();
            throw;
        }

        return new Lease(Open);
    }

    private void Leave()
    {
        lock (_gate)
        {
            if (--_inside == 0)
            {
                _empty?.TrySetResult();
            }
        }
    }

    private void Open()
    {
        lock (_gate)
        {
            _closed!.SetResult();
            (_closed, _empty) = (null, null);
        }

        _changes.Release();
    }

    private sealed class Lease(Action leave) : IDisposable
    {
        private Action? _leave = leave;

        public void Dispose() => Interlocked.Exchange(ref _leave, null)?.Invoke();
    }
}
