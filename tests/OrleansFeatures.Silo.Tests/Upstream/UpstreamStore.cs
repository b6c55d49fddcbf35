using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Streams;
using Orleans.TestingHost;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Embedded;
using OrleansFeatures.Gateway.Admission;
using OrleansFeatures.Gateway.Health;
using OrleansFeatures.Gateway.Ingest;
using OrleansFeatures.Gateway.Metadata;
using OrleansFeatures.Gateway.Registry;
using OrleansFeatures.Gateway.Tests;
using OrleansFeatures.Gateway.Tests.Serving;
using OrleansFeatures.Postgres;
using OrleansFeatures.Postgres.Tests;
using OrleansFeatures.Postgres.Upstream;
using OrleansFeatures.Silo.Tests.Kit;
using OrleansFeatures.Silo.Upstream;

namespace OrleansFeatures.Silo.Tests.Upstream;

/// <summary>
/// A hub in memory, and what its events go into: a host on a log of its own, whose appends fail on demand, and positions in a real PostgreSQL. It outlives the silos that read the hub. The host is the embedded one,
/// because an append is an append: what the upstream does about it does not depend on where it ends.
/// </summary>
internal sealed class UpstreamStore : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly MetadataDatabase _metadata;
    private readonly PostgresStore _postgres;
    private readonly EmbeddedHost _embedded;
    private readonly Warnings _warnings = new();

    private UpstreamStore(PostgresStore postgres, EmbeddedHost embedded, MetadataDatabase metadata, TemporaryFolder folder)
    {
        (_postgres, _embedded, _metadata, _folder) = (postgres, embedded, metadata, folder);
        Host = new TroubledHost(embedded);
        Positions = new UpstreamPositions(postgres);
        Quarantine = new Quarantine(metadata);
    }

    public const int Partitions = 4;

    public HubInMemory Hub { get; } = new("orders", Partitions);

    public TroubledHost Host { get; }

    public UpstreamPositions Positions { get; }

    public Quarantine Quarantine { get; }

    /// <summary>Events in history.</summary>
    public long Accepted => Host.Status().Streams.Single().Accepted;

    public long Duplicates => Host.Status().Streams.Single().Duplicates;

    /// <summary>Appends that were tried, failed ones included.</summary>
    public int Appends { get; private set; }

    public static async Task<UpstreamStore> StartAsync(PostgresFixture postgres)
    {
        PostgresStore positions = await postgres.OpenStoreAsync();
        var folder = new TemporaryFolder();
        MetadataDatabase metadata = SqliteMetadata.Open(folder.Path);
        var registry = new DefinitionRegistry(metadata, TimeProvider.System);
        registry.TryCommit(registry.Plan([new DefinitionSource("everything.yaml", Definitions.Everything)]), "test");
        var options = new EmbeddedHostOptions { LogDirectory = Path.Combine(folder.Path, "log"), PartitionCount = 4 };
        EmbeddedHost embedded = await EmbeddedHost.StartAsync(options, registry.Live.Catalog, TimeProvider.System, NullLogger.Instance, Eventually.Token);
        var store = new UpstreamStore(positions, embedded, metadata, folder);
        store.Fail(null);
        return store;
    }

    /// <summary>What appends fail with from now on; null lets them through.</summary>
    public void Fail(Func<Exception>? failure) => Host.FailureOf = (number, _) =>
    {
        Appends = number;
        return failure?.Invoke();
    };

    /// <summary>Silos that read the hub.</summary>
    public async Task<InProcessTestCluster> StartSilosAsync(short count = 1, Action<StreamPullingAgentOptions>? agents = null)
    {
        var builder = new InProcessTestClusterBuilder(count);
        builder.Options.ConfigureFileLogging = false;
#pragma warning disable ORLEANSEXP003 // The directory that silos of ours use.
        builder.Options.UseDistributedGrainDirectory = true;
#pragma warning restore ORLEANSEXP003
        builder.ConfigureSilo((_, silo) =>
        {
            silo.Services.AddSingleton(_postgres).AddSingleton<IEntityHost>(Host).AddSingleton(Quarantine).AddSingleton(new LateOutput(_metadata)).AddSingleton(BackfillRight.Nobody);
            silo.Services.AddSingleton(TimeProvider.System).AddSingleton<HealthServiceImpl>().AddSingleton<IngestRoom>().AddSingleton<Ingestion>().AddSingleton<BodyIntake>();
            silo.Services.AddSingleton<ILoggerProvider>(_warnings);
            HubStreams.AddTo(silo, Hub, agents);
            silo.Configure<ClusterMembershipOptions>(options =>
            {
                options.ProbeTimeout = TimeSpan.FromSeconds(1);
                options.NumMissedProbesLimit = 2;
                options.NumVotesForDeathDeclaration = 1;
                options.TableRefreshTimeout = TimeSpan.FromSeconds(5);
            });
        });
        InProcessTestCluster cluster = builder.Build();
        await cluster.DeployAsync();
        return cluster;
    }

    /// <summary>Waits until a partition's position is kept at a place.</summary>
    public Task KeptAsync(int partition, long sequence) => KeptPosition.IsAsync(
        Positions, Hub[partition], sequence, () => $"{Accepted} events accepted, {Appends} appends tried, receivers begun at {string.Join(' ', Hub.Begun)}");

    public Task WarnedAsync(int eventId) => Eventually.Is(() => _warnings.Ids.Contains(eventId), $"warning {eventId}");

    public async Task ForgetPositionsAsync()
    {
        await using NpgsqlCommand delete = _postgres.DataSource.CreateCommand("DELETE FROM upstream_positions");
        await delete.ExecuteNonQueryAsync(Eventually.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _embedded.DisposeAsync();
        _metadata.Dispose();
        await _postgres.DisposeAsync();
        _folder.Dispose();
    }

    private sealed class Warnings : ILoggerProvider, ILogger
    {
        public ConcurrentBag<int> Ids { get; } = [];

        public ILogger CreateLogger(string categoryName) => categoryName.StartsWith("OrleansFeatures", StringComparison.Ordinal) ? this : NullLogger.Instance;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => Ids.Add(eventId.Id);

        public void Dispose()
        {
        }
    }
}
