namespace OrleansFeatures.Log.Commit;

/// <summary>
/// Between many appenders and the one writer. Batches are admitted in order of arrival while the log's budget lasts; the rest wait as
/// links of a list, at most <see cref="Limits.WaitingAppendsMax"/>. The budget is held from admission until the consumer releases
/// the batch, so that a slow consumer slows the appenders and memory has one bound.
/// <code>
///  waiting (callers await) --budget--> admitted --writer takes a group--> disk --> committed --Release--> budget
/// </code>
/// Called by any thread. All state is under one monitor, held for a few dozen instructions at a time; the writer waits on it.
/// </summary>
internal sealed class AppendQueue(LogOptions options, TimeProvider time)
{
    private readonly object _gate = new();
    private readonly LinkedList<PendingAppend> _waiting = new();
    private readonly Queue<PendingAppend> _admitted = new();
    private long _admittedBytes;
    private long _heldBytes;
    private int _heldBatches;
    private Func<Exception>? _refusal;
    private bool _closing;
    private int _lastGroupBatches;
    private TaskCompletionSource? _workCame; // Of a simulated writer; null in production.
    private long _lastCommitEnd = long.MinValue;

    /// <summary>Bytes of the budget in use.</summary>
    public long HeldBytes
    {
        get
        {
            lock (_gate)
            {
                return _heldBytes;
            }
        }
    }

    /// <summary>Admits at once or not at all.</summary>
    public bool TryAdd(PendingAppend append)
    {
        lock (_gate)
        {
            ThrowIfRefusing_NeedsLock();
            if (_waiting.Count > 0 || !Fits_NeedsLock(append))
            {
                return false;
            }

            Admit_NeedsLock(append);
            return true;
        }
    }

    /// <summary>Admits, or lets it wait its turn until admitted or cancelled.</summary>
    public void AddOrWait(PendingAppend append, CancellationToken cancellationToken)
    {
        LinkedListNode<PendingAppend> node;
        lock (_gate)
        {
            ThrowIfRefusing_NeedsLock();
            if (_waiting.Count == 0 && Fits_NeedsLock(append))
            {
                Admit_NeedsLock(append);
                return;
            }

            if (_waiting.Count >= Limits.WaitingAppendsMax)
            {
                throw new LogOverloadedException(_waiting.Count);
            }

            node = _waiting.AddLast(append);
        }

        if (cancellationToken.CanBeCanceled)
        {
            // Outside the lock, because a token that is already cancelled calls back at once. The registration is not disposed on admission:
            // it then finds the node unlinked and does nothing; the commit disposes it.
            append.Cancellation = cancellationToken.Register(() => CancelWaiting(node, cancellationToken));
            if (append.Durable.IsCompleted)
            {
                append.Cancellation.Dispose(); // It was completed before the registration could be seen.
            }
        }
    }

    /// <summary>
    /// Waits for work and takes the next group, at most <see cref="LogOptions.CommitBytesMax"/> or one batch. False once closed and empty.
    /// Only the writer thread calls it.
    /// </summary>
    public bool TakeGroup(List<PendingAppend> group)
    {
        lock (_gate)
        {
            while (_admitted.Count == 0)
            {
                if (_closing)
                {
                    return false;
                }

                Monitor.Wait(_gate); // Ended by an admission or by Close.
            }

            Gather_NeedsLock();
            Take_NeedsLock(group);
            return true;
        }
    }

    /// <summary>The same for a simulated writer. How many batches come together is then up to its scheduler, which may run the appenders first.</summary>
    public async ValueTask<bool> TakeGroupAsync(List<PendingAppend> group)
    {
        await Task.Yield();
        while (true)
        {
            Task came;
            lock (_gate)
            {
                if (_admitted.Count > 0)
                {
                    Take_NeedsLock(group);
                    return true;
                }

                if (_closing)
                {
                    return false;
                }

                _workCame = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                came = _workCame.Task;
            }

            await came;
        }
    }

    /// <summary>The writer has finished a group: the moment from which <see cref="LogOptions.CommitDelayMax"/> counts.</summary>
    public void GroupEnded()
    {
        lock (_gate)
        {
            _lastCommitEnd = time.GetTimestamp();
        }
    }

    /// <summary>A batch is released: its share of the budget goes to whoever waits.</summary>
    public void Release(long charge)
    {
        lock (_gate)
        {
            _heldBytes -= charge;
            _heldBatches--;
            AdmitWaiting_NeedsLock();
        }
    }

    /// <summary>Refuses new appends from here on and fails those that wait. What was admitted stays with the writer.</summary>
    public void Close(Func<Exception> refusal)
    {
        PendingAppend[] waiting;
        lock (_gate)
        {
            _refusal ??= refusal;
            _closing = true;
            waiting = [.. _waiting];
            _waiting.Clear();
            WakeWriter_NeedsLock();
        }

        // Outside the lock: failing an append waits for its cancellation callback, which may be waiting for the lock.
        foreach (var append in waiting)
        {
            append.Batch.Unseal();
            append.Fail(refusal());
        }
    }

    /// <summary>Takes everything that was admitted, for the writer that can write no more.</summary>
    public void TakeAll(List<PendingAppend> rest)
    {
        lock (_gate)
        {
            rest.AddRange(_admitted);
            _admitted.Clear();
            _admittedBytes = 0;
        }
    }

    /// <summary>
    /// Under load, callers that the last commit has answered are about to return with their next batch. Taking only the first of them would
    /// split them into a small and a large group for ever, so the writer waits until as many are here as last time, for at most the
    /// delay counted from that commit's end. An idle log (the commit long past) is not delayed, nor is a single appender (one is here).
    /// </summary>
    private void Gather_NeedsLock()
    {
        while (!_closing && _admitted.Count < _lastGroupBatches && _admittedBytes < options.CommitBytesMax && _lastCommitEnd != long.MinValue)
        {
            var left = options.CommitDelayMax - time.GetElapsedTime(_lastCommitEnd);
            // More than the whole delay: the clock went back, and could keep the writer waiting for as long as it went.
            if (left <= TimeSpan.Zero || left > options.CommitDelayMax || !Monitor.Wait(_gate, (int)Math.Ceiling(left.TotalMilliseconds)))
            {
                return;
            }
        }
    }

    private void Take_NeedsLock(List<PendingAppend> group)
    {
        long bytes = 0;
        while (_admitted.TryPeek(out var next) && (group.Count == 0 || bytes + next.Batch.Bytes <= options.CommitBytesMax))
        {
            bytes += next.Batch.Bytes;
            group.Add(_admitted.Dequeue());
        }

        _admittedBytes -= bytes;
        _lastGroupBatches = group.Count;
    }

    private void CancelWaiting(LinkedListNode<PendingAppend> node, CancellationToken token)
    {
        lock (_gate)
        {
            if (node.List is null)
            {
                return; // Admitted or failed meanwhile.
            }

            _waiting.Remove(node);
            node.Value.Batch.Unseal();
            AdmitWaiting_NeedsLock();
        }

        node.Value.Cancel(token);
    }

    private void AdmitWaiting_NeedsLock()
    {
        while (_waiting.First is { } first && Fits_NeedsLock(first.Value))
        {
            _waiting.RemoveFirst();
            Admit_NeedsLock(first.Value);
        }
    }

    private void Admit_NeedsLock(PendingAppend append)
    {
        _heldBytes += append.Charge;
        _heldBatches++;
        _admittedBytes += append.Batch.Bytes;
        _admitted.Enqueue(append);
        WakeWriter_NeedsLock();
    }

    private void WakeWriter_NeedsLock()
    {
        Monitor.Pulse(_gate); // Nobody but the writer waits.
        _workCame?.TrySetResult();
    }

    private bool Fits_NeedsLock(PendingAppend append) =>
        _heldBatches == 0 || (_heldBytes + append.Charge <= options.QueueBytesMax && _heldBatches < Limits.QueueBatchesMax);

    private void ThrowIfRefusing_NeedsLock()
    {
        if (_refusal is not null)
        {
            throw _refusal();
        }
    }
}
