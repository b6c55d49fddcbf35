using Grpc.Net.Client;
using OrleansFeatures.Gateway.Tests.Serving;
using OrleansFeatures.V1;

namespace OrleansFeatures.Silo.Tests.Kit;

/// <summary>A client of one silo's gateway.</summary>
internal sealed class SiloClient : IDisposable
{
    private readonly GrpcChannel _channel;

    public SiloClient(string name, Uri grpc, Uri http)
    {
        (Name, Http, _channel) = (name, http, GrpcChannel.ForAddress(grpc));
        Features = new FeatureService.FeatureServiceClient(_channel);
        Ingest = new IngestService.IngestServiceClient(_channel);
        Registry = new RegistryService.RegistryServiceClient(_channel);
    }

    /// <summary>The silo's.</summary>
    public string Name { get; }

    public Uri Http { get; }

    public FeatureService.FeatureServiceClient Features { get; }

    public IngestService.IngestServiceClient Ingest { get; }

    public RegistryService.RegistryServiceClient Registry { get; }

    /// <summary>Pushes clicks, all of which have to be accepted.</summary>
    public async Task<ConsistencyToken> PushAsync(params EventRow[] clicks)
    {
        PushResponse pushed = await Ingest.PushAsync(Clicks.Rows(clicks), cancellationToken: TestContext.Current.CancellationToken);
        pushed.Accepted.ShouldBe((ulong)clicks.Length);
        return pushed.Token;
    }

    public void Dispose() => _channel.Dispose();
}
