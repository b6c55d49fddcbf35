using OrleansFeatures.V1;

namespace OrleansFeatures.Benchmarks.Serving;

/// <summary>Lookups of one shape at one target, over all its connections, with requests that were made beforehand. Any thread.</summary>
internal sealed class Lookups(Target target, GetFeaturesRequest[] requests)
{
    private readonly FeatureService.FeatureServiceClient[] _clients = [.. Enumerable.Range(0, Target.Connections).Select(index => new FeatureService.FeatureServiceClient(target.Channel(index)))];
    private int _next;

    public Task<Throughput> WithoutPauseAsync(TimeSpan duration) =>
        ClosedLoop.RunAsync(target, ClosedLoop.Clients, duration, async (client, random) => await _clients[client % _clients.Length].GetFeaturesAsync(requests[random.Next(requests.Length)]));

    public async Task AskAsync(CancellationToken cancellationToken)
    {
        uint next = (uint)Interlocked.Increment(ref _next);
        await _clients[next % (uint)_clients.Length].GetFeaturesAsync(requests[next % (uint)requests.Length], cancellationToken: cancellationToken);
    }
}
