namespace OrleansFeatures.Gateway;

/// <summary>
/// Whether the server takes calls: what readiness answers, and what tells long calls to end when it stops.
/// <code>
///   serving ──BeginLeave──> leaving: says so, takes calls ──BeginStop──> stopping: streams end
/// </code>
/// A server behind a load balancer leaves first, so that new calls go elsewhere before it refuses any; one that stands alone stops at once.
/// </summary>
/// <param name="failure">Why the server cannot do its work, in a sentence; null while it can. Asked at every readiness probe, so it must be cheap.</param>
public sealed class ServerLife(Func<string?> failure) : IDisposable
{
    private readonly CancellationTokenSource _leaving = new();
    private readonly CancellationTokenSource _stopping = new();

    /// <summary>Fires when the server is not ready any more and will not be again.</summary>
    public CancellationToken Leaving => _leaving.Token;

    /// <summary>Fires when the server begins to stop: streams then end with what they have acknowledged.</summary>
    public CancellationToken Stopping => _stopping.Token;

    /// <summary>Why the server is not ready, in a sentence; null while it is.</summary>
    public string? NotReadyBecause => _leaving.IsCancellationRequested ? "the server is shutting down" : failure();

    /// <summary>Not ready, health NOT_SERVING; calls are still taken.</summary>
    public void BeginLeave() => _leaving.Cancel();

    /// <summary>Leaves, if it has not yet, and ends long calls.</summary>
    public void BeginStop()
    {
        BeginLeave();
        _stopping.Cancel();
    }

    public void Dispose()
    {
        _leaving.Dispose();
        _stopping.Dispose();
    }
}
