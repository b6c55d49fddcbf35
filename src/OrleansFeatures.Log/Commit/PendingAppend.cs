namespace OrleansFeatures.Log.Commit;

/// <summary>One batch between the caller and the disk.</summary>
internal sealed class PendingAppend(AppendBatch batch)
{
    /// <summary>Memory of the objects around a batch, so that many small batches count as what they are.</summary>
    private const int ObjectBytes = 250;

    private readonly TaskCompletionSource<AppendReceipt> _durable = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public AppendBatch Batch => batch;

    public Task<AppendReceipt> Durable => _durable.Task;

    /// <summary>What the batch takes from the queue's budget until it is released.</summary>
    public long Charge { get; } = batch.Bytes + ObjectBytes;

    public AppendReceipt Receipt { get; set; }

    public CancellationTokenRegistration Cancellation { get; set; }

    public void Complete()
    {
        _durable.TrySetResult(Receipt);
        Cancellation.Dispose(); // After completion: whoever sets it later sees the completion and disposes it.
    }

    public void Fail(Exception exception)
    {
        _durable.TrySetException(exception);
        Cancellation.Dispose();
    }

    public void Cancel(CancellationToken token) => _durable.TrySetCanceled(token);
}
