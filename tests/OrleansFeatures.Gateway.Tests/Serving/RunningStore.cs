using Grpc.Net.Client;
using OrleansFeatures.Server.Hosting;
using OrleansFeatures.V1;

namespace OrleansFeatures.Gateway.Tests.Serving;

/// <summary>A real server on free ports over a temporary directory, and clients of ours connected to it.</summary>
internal sealed class RunningStore : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly TemporaryFolder _definitions = new();
    private GrpcChannel? _channel;
    private EmbeddedServer? _server;

    private readonly string[] _backfillProducers;
    private readonly long? _entityBudgetBytes;

    private RunningStore(string yaml, string[] backfillProducers, long? entityBudgetBytes)
    {
        _entityBudgetBytes = entityBudgetBytes;
        _backfillProducers = backfillProducers;
        WriteDefinitions(yaml);
    }

    public IngestService.IngestServiceClient Ingest => new(_channel!);

    public FeatureService.FeatureServiceClient Features => new(_channel!);

    public RegistryService.RegistryServiceClient Registry => new(_channel!);

    public AdminService.AdminServiceClient Admin => new(_channel!);

    public HttpClient Http { get; private set; } = new();

    public EmbeddedServer Server => _server!;

    public string DataDirectory => _folder.Path;

    public static CancellationToken Cancelled => Xunit.TestContext.Current.CancellationToken;

    /// <summary>As given to the server.</summary>
    public IReadOnlyCollection<string> CorsOrigins { get; init; } = [];

    /// <summary>One whose REST pages of other origins may use.</summary>
    public static async Task<RunningStore> StartForPagesAsync(params string[] origins)
    {
        var store = new RunningStore(Definitions.Everything, [], null) { CorsOrigins = origins };
        await store.OpenAsync(withDefinitions: true);
        return store;
    }

    public static async Task<RunningStore> StartAsync(string yaml = Definitions.Everything, long? entityBudgetBytes = null, params string[] backfillProducers)
    {
        var store = new RunningStore(yaml, backfillProducers, entityBudgetBytes);
        await store.OpenAsync(withDefinitions: true);
        return store;
    }

    /// <summary>Another connection to the same server.</summary>
    public GrpcChannel Connect() => GrpcChannel.ForAddress(_server!.GrpcAddress);

    public void WriteDefinitions(string yaml) => File.WriteAllText(Path.Combine(_definitions.Path, "everything.yaml"), yaml);

    /// <summary>Stops the server and starts it again on the same data.</summary>
    public async Task RestartAsync(bool withDefinitions = false, Action? whileClosed = null)
    {
        await CloseAsync();
        whileClosed?.Invoke();
        await OpenAsync(withDefinitions);
    }

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        _folder.Dispose();
        _definitions.Dispose();
    }

    private async Task OpenAsync(bool withDefinitions)
    {
        var options = new ServeOptions(_folder.Path, withDefinitions ? _definitions.Path : null, 0, 0) { BackfillProducers = _backfillProducers, CorsOrigins = CorsOrigins };
        options = options with { EntityBudgetBytes = _entityBudgetBytes ?? options.EntityBudgetBytes };
        _server = await EmbeddedServer.StartAsync(options, Cancelled);
        _channel = GrpcChannel.ForAddress(_server.GrpcAddress);
        Http = new HttpClient { BaseAddress = _server.HttpAddress };
    }

    private async Task CloseAsync()
    {
        if (_server is { } server)
        {
            _server = null;
            _channel!.Dispose();
            Http.Dispose();
            await server.DisposeAsync();
        }
    }
}
