using Grpc.Net.Client;
using OrleansFeatures.V1;

namespace OrleansFeatures.Client.Connections;

/// <summary>One way to one server, and what is known of it: how many calls are on it, and until when it is given a rest because one could not reach the server. Any thread.</summary>
internal sealed class Connection(Uri server) : IDisposable
{
    private readonly GrpcChannel _channel = GrpcChannel.ForAddress(server);
    private int _underWay;
    private long _restsUntil = long.MinValue;

    public Uri Server => server;

    public FeatureService.FeatureServiceClient Features => field ??= new FeatureService.FeatureServiceClient(_channel);

    public IngestService.IngestServiceClient Ingest => field ??= new IngestService.IngestServiceClient(_channel);

    public int UnderWay => Volatile.Read(ref _underWay);

    /// <summary>By the pool's clock.</summary>
    public bool RestsAt(long timestamp) => Volatile.Read(ref _restsUntil) > timestamp;

    public void Begin() => Interlocked.Increment(ref _underWay);

    public void End() => Interlocked.Decrement(ref _underWay);

    public void RestUntil(long timestamp) => Volatile.Write(ref _restsUntil, timestamp);

    public void Dispose() => _channel.Dispose();
}
