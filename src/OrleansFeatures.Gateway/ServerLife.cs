namespace OrleansFeatures.Gateway;

/// <summary>Whether the server takes calls: what readiness answers, and what tells long calls to end when it stops.</summary>
public sealed class ServerLife(Func<string?> failure) : IDisposable
{
    private readonly CancellationTokenSource _stopping = new();

    /// <summary>Fires when the server begins to stop: streams then end with what they have acknowledged.</summary>
    public CancellationToken Stopping => _stopping.Token;

    /// <summary>Why the server is not ready, in a sentence; null while it is.</summary>
    public string? NotReadyBecause => _stopping.IsCancellationRequested ? "the server is shutting down" : failure();

    public void BeginStop() => _stopping.Cancel();

    public void Dispose() => _stopping.Dispose();
}
