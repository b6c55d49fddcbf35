using System.Net;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Embedded;
using OrleansFeatures.Gateway.Admission;
using OrleansFeatures.Gateway.Hosting;
using OrleansFeatures.Gateway.Ingest;
using OrleansFeatures.Gateway.Metadata;
using OrleansFeatures.Gateway.Registry;

namespace OrleansFeatures.Gateway.Tests.Serving;

/// <summary>The gateway over a host that fails on demand, with a client of ours.</summary>
internal sealed class TroubledStore : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly ServerLife _life = new(() => null);
    private MetadataDatabase? _metadata;
    private EmbeddedHost? _embedded;
    private WebApplication? _app;

    public TroubledHost Host { get; private set; } = null!;

    public IServiceProvider Services => _app!.Services;

    public GrpcChannel Channel { get; private set; } = null!;

    public HttpClient Http { get; private set; } = null!;

    public static async Task<TroubledStore> StartAsync(bool withDefinitions = true, AdmissionLimits? admission = null)
    {
        var store = new TroubledStore();
        await store.OpenAsync(withDefinitions, admission ?? new AdmissionLimits());
        return store;
    }

    /// <summary>Another connection to the same server.</summary>
    public GrpcChannel Connect() => GrpcChannel.ForAddress(_app!.Urls.First());

    /// <summary>The server begins to stop, as on SIGTERM.</summary>
    public void BeginStop() => _life.BeginStop();

    public async ValueTask DisposeAsync()
    {
        Channel.Dispose();
        Http.Dispose();
        _life.BeginStop();
        await _app!.StopAsync(CancellationToken.None);
        await _app.DisposeAsync();
        await _embedded!.DisposeAsync();
        _metadata!.Dispose();
        _life.Dispose();
        _folder.Dispose();
    }

    private async Task OpenAsync(bool withDefinitions, AdmissionLimits admission)
    {
        _metadata = SqliteMetadata.Open(_folder.Path);
        var registry = new DefinitionRegistry(_metadata, TimeProvider.System);
        if (withDefinitions)
        {
            registry.TryCommit(registry.Plan([new DefinitionSource("everything.yaml", Definitions.Everything)]), "test");
        }

        var options = new EmbeddedHostOptions { LogDirectory = Path.Combine(_folder.Path, "log"), PartitionCount = 4 };
        _embedded = await EmbeddedHost.StartAsync(options, registry.Live.Catalog, TimeProvider.System, NullLogger.Instance, RunningStore.Cancelled);
        Host = new TroubledHost(_embedded);
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2);
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http1);
        });
        builder.Services.AddRoutingCore();
        builder.Services.AddLogging();
        builder.Services.AddSingleton<IEntityHost>(Host);
        builder.Services.AddSingleton(_life);
        builder.Services.AddSingleton(registry);
        builder.Services.AddSingleton<MetadataDatabase>(_metadata);
        builder.Services.AddSingleton(new Quarantine(_metadata));
        builder.Services.AddSingleton(new LateOutput(_metadata));
        builder.Services.AddSingleton(admission);
        builder.Services.AddGateway();
        _app = builder.Build().MapGateway();
        await _app.StartAsync(RunningStore.Cancelled);
        Channel = GrpcChannel.ForAddress(_app.Urls.First());
        Http = new HttpClient { BaseAddress = new Uri(_app.Urls.Last()) };
    }
}
