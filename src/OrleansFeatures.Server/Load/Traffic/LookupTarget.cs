using OrleansFeatures.V1;

namespace OrleansFeatures.Server.Load.Traffic;

/// <summary>Reads features: requests that were made before the run, in turn, so that a request costs the pacing thread no more than its call.</summary>
internal sealed class LookupTarget(IStoreCalls store, IEnumerable<GetFeaturesRequest> requests) : ILoadTarget
{
    private readonly Func<CancellationToken, Task<LoadOutcome>>[] _ready = [.. requests.Select(store.Ready)];
    private uint _turn;

    public Task<LoadOutcome> SendAsync(CancellationToken abandoned) => _ready[Interlocked.Increment(ref _turn) % (uint)_ready.Length](abandoned);
}
