using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Log;

namespace OrleansFeatures.Postgres.Log;

/// <summary>One batch on its way into the log: events that are still to meet ids and clocks, or records that are finished but for their places.</summary>
internal sealed class PendingAppend
{
    private readonly TaskCompletionSource<AppendReceipt> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public PendingAppend(IntakeBatch deferred)
    {
        Deferred = deferred;
        Bytes = Math.Max(1, deferred.Bytes);
    }

    public PendingAppend(AppendBatch finished)
    {
        Finished = finished;
        Bytes = Math.Max(1, finished.Bytes);
    }

    public IntakeBatch? Deferred { get; }

    public AppendBatch? Finished { get; }

    /// <summary>The definitions that its events were read against; null of finished records, which go with any.</summary>
    public Catalog? Catalog => Deferred?.Catalog;

    public long Bytes { get; }

    /// <summary>Where finished records went; of a deferred batch only that it is done.</summary>
    public Task<AppendReceipt> Done => _done.Task;

    /// <summary>Where finished records have been placed; it counts once they are durable.</summary>
    public AppendReceipt Receipt { get; set; }

    public void Succeed() => _done.TrySetResult(Receipt);

    public void Fail(Exception cause)
    {
        _done.TrySetException(cause);

        // Observed here: a caller may have gone.
        _ = _done.Task.Exception;
    }
}
