using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Orleans.Configuration;
using Orleans.TestingHost;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Entities;
using OrleansFeatures.Log;
using OrleansFeatures.Postgres;
using OrleansFeatures.Postgres.Tests;
using OrleansFeatures.Silo.Grains;
using OrleansFeatures.Silo.Placement;

namespace OrleansFeatures.Silo.Tests.Kit;

/// <summary>Silos in this process over one real PostgreSQL, each with connections of its own, as processes would have them.</summary>
internal sealed class EntityCluster : IAsyncDisposable
{
    private static readonly Lazy<Task<PostgresServer>> Server = new(() => PostgresServer.StartAsync("fsync=off", "max_connections=500"));

    /// <summary>Tests share a machine, many silos of them a process: what takes milliseconds may take seconds.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly ConcurrentBag<ClusterStore> _stores = [];
    private readonly SharedDefinitions _definitions;

    private EntityCluster(SharedDefinitions definitions) => _definitions = definitions;

    public InProcessTestCluster Cluster { get; private set; } = null!;

    /// <summary>What the silos have logged, from warnings up.</summary>
    public ConcurrentQueue<string> Logged { get; } = new();

    /// <summary>An entry, by the number of its silo.</summary>
    public IEntityHost this[int silo] => Of<IEntityHost>(silo);

    public T Of<T>(int silo) where T : notnull => Cluster.Silos[silo].ServiceProvider.GetRequiredService<T>();

    public IEnumerable<T> OfAll<T>() where T : notnull => Cluster.Silos.Select(silo => silo.ServiceProvider.GetRequiredService<T>());

    /// <summary>The silo that owns a partition now, and its home there; null while nobody does.</summary>
    public PartitionHome? HomeOf(PartitionId partition) => OfAll<PartitionHomes>().Select(homes => homes.Find(partition)).FirstOrDefault(home => home is not null);

    public static async Task<EntityCluster> StartAsync(
        Catalog catalog, short silos = 3, int partitions = 16, Func<ClusterHostOptions, ClusterHostOptions>? options = null, TimeProvider? time = null, string? database = null, SharedDefinitions? definitions = null, Action<ISiloBuilder>? more = null)
    {
        var postgres = new PostgresOptions { ConnectionString = database ?? await CreateDatabaseAsync(), PartitionCount = partitions, PoolConnectionsMax = 20, PresenceMax = Patience, AppendIdleMax = 3 * Patience };
        var cluster = new EntityCluster(definitions ?? new SharedDefinitions(catalog));
        var builder = new InProcessTestClusterBuilder(silos);
        builder.Options.ConfigureFileLogging = false;
#pragma warning disable ORLEANSEXP003 // The directory that silos of ours use.
        builder.Options.UseDistributedGrainDirectory = true;
#pragma warning restore ORLEANSEXP003
        ClusterHostOptions host = (options ?? (given => given))(new ClusterHostOptions());
        builder.ConfigureSilo((_, silo) =>
        {
            cluster.Configure(silo, postgres, host, time ?? TimeProvider.System);
            more?.Invoke(silo);
        });
        cluster.Cluster = builder.Build();
        await cluster.Cluster.DeployAsync();
        await cluster.SettledAsync();
        return cluster;
    }

    /// <summary>An empty database of the caller's own; skips the test where there can be none.</summary>
    public static async Task<string> CreateDatabaseAsync()
    {
        Assert.SkipUnless(PostgresServer.WhyNot() is null, PostgresServer.WhyNot() ?? "");
        return await (await Server.Value).CreateDatabaseAsync();
    }

    /// <summary>Waits until every partition is owned, and answers, where each silo's plan has it.</summary>
    public async Task SettledAsync()
    {
        try
        {
            await Eventually.Is(IsSettled, "every partition has an owner that has caught up, where the plan has it");
        }
        catch (TimeoutException late)
        {
            throw new TimeoutException($"{late.Message}\n{string.Join('\n', Cluster.Silos.Select(Show))}\n{string.Join('\n', Logged)}");
        }
    }

    private static string Show(InProcessSiloHandle silo)
    {
        PartitionPlan plan = silo.ServiceProvider.GetRequiredService<PartitionPlans>().Current;
        PartitionHomes homes = silo.ServiceProvider.GetRequiredService<PartitionHomes>();
        return $"{silo.SiloAddress}: the plan has {plan.Silos.Length} silos and here [{string.Join(' ', plan.PartitionsOf(silo.SiloAddress))}]; owned [{string.Join(' ', homes.All.Select(home => $"{home.Partition}@{home.Ownership.Applied}"))}]";
    }

    /// <summary>Ends the silos as they are: nobody will look at the store again, and whatever a silo does to leave in order takes seconds.</summary>
    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(Cluster.Silos.Select(silo => silo.StopSiloAsync(stopGracefully: false)));
        await Cluster.DisposeAsync();
        foreach (ClusterStore store in _stores)
        {
            await store.DisposeAsync();
        }
    }

    private bool IsSettled()
    {
        SiloAddress[] silos = [.. Cluster.Silos.Select(silo => silo.SiloAddress)];
        return OfAll<PartitionPlans>().All(plans => plans.Current.Silos.ToHashSet().SetEquals(silos))
            && Cluster.Silos.All(silo => silo.ServiceProvider.GetRequiredService<PartitionPlans>().Current.PartitionsOf(silo.SiloAddress)
                .All(partition => silo.ServiceProvider.GetRequiredService<PartitionHomes>().Find(partition) is { Ownership.IsCaughtUp: true }));
    }

    private void Configure(ISiloBuilder silo, PostgresOptions options, ClusterHostOptions host, TimeProvider time)
    {
        ClusterStore store = Task.Run(async () =>
        {
            PostgresStore postgres = await PostgresStore.OpenAsync(options, time, NullLogger.Instance, CancellationToken.None);
            return await ClusterStore.OpenAsync(postgres, _definitions.In(postgres), time, NullLogger.Instance, CancellationToken.None);
        }).GetAwaiter().GetResult();
        _stores.Add(store);
        silo.AddEntities(store, host);
        silo.AddMemoryGrainStorage(EntitiesHosting.RetentionStorage);
        TestGrains.LeaveOut(silo);
        silo.Services.AddLogging(logging => logging.AddProvider(new Collecting(Logged)).AddFilter("OrleansFeatures", LogLevel.Information).AddFilter("Orleans", LogLevel.Warning));
        silo.Configure<GrainDirectoryOptions>(directory => directory.RangeLeaseDuration = TimeSpan.Zero);
        silo.Configure<ClusterMembershipOptions>(membership =>
        {
            membership.ProbeTimeout = TimeSpan.FromSeconds(1);
            membership.NumMissedProbesLimit = 2;
            membership.NumVotesForDeathDeclaration = 1;
            membership.TableRefreshTimeout = TimeSpan.FromSeconds(5);
        });
    }

    private sealed class Collecting(ConcurrentQueue<string> lines) : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => lines.Enqueue($"{DateTime.UtcNow:HH:mm:ss.fff} {logLevel}: {formatter(state, exception)} {exception}");

        public void Dispose()
        {
        }
    }
}
