using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OrleansFeatures.Gateway.Ingest;
using OrleansFeatures.Gateway.Metadata;
using OrleansFeatures.Gateway.Registry;
using OrleansFeatures.Log;
using OrleansFeatures.Postgres;
using OrleansFeatures.Postgres.Metadata;
using StackExchange.Redis;

namespace OrleansFeatures.Silo.Hosting;

/// <summary>What a silo needs outside of Orleans, open: log, states and definitions in PostgreSQL, and the connection to Redis.</summary>
internal sealed class SiloStore : IAsyncDisposable
{
    private readonly MetadataDatabase _metadata;

    private SiloStore(ClusterStore cluster, MetadataDatabase metadata, DefinitionRegistry registry, IConnectionMultiplexer redis) =>
        (Cluster, _metadata, Registry, Redis) = (cluster, metadata, registry, redis);

    public ClusterStore Cluster { get; }

    public DefinitionRegistry Registry { get; }

    public IConnectionMultiplexer Redis { get; }

    /// <exception cref="SiloStartException">Redis does not answer, or the stored definitions cannot be read.</exception>
    /// <exception cref="PostgresStoreException">PostgreSQL does not, or the store is another's.</exception>
    public static async Task<SiloStore> OpenAsync(SiloOptions options, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        IConnectionMultiplexer redis = await RedisMembers.ConnectAsync(options.Redis, cancellationToken).ConfigureAwait(false);
        PostgresStore? postgres = null;
        SiloStore? store = null;
        try
        {
            postgres = await PostgresStore.OpenAsync(
                new PostgresOptions { ConnectionString = options.Postgres, Schema = options.Schema, PartitionCount = options.Partitions }, TimeProvider.System, loggers.CreateLogger<PostgresStore>(), cancellationToken).ConfigureAwait(false);
            await RareStates.CreateAsync(postgres, cancellationToken).ConfigureAwait(false);
            return store = await OpenAsync(postgres, redis, options.Name, loggers, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is ArgumentException or MetadataException or LogException)
        {
            throw new SiloStartException(failure.Message, unreachable: failure is LogException, failure);
        }
        finally
        {
            if (store is null)
            {
                await (postgres?.DisposeAsync() ?? ValueTask.CompletedTask).ConfigureAwait(false);
                await redis.DisposeAsync().ConfigureAwait(false);
            }
        }
    }

    /// <summary>What the gateway and the grains take from here.</summary>
    public void AddTo(IServiceCollection services)
    {
        services.AddSingleton(Cluster.Postgres);
        services.AddSingleton(Registry);
        services.AddSingleton(_metadata);
        services.AddSingleton(new Quarantine(_metadata));
        services.AddSingleton(new LateOutput(_metadata));
    }

    public async ValueTask DisposeAsync()
    {
        await Cluster.DisposeAsync().ConfigureAwait(false);
        _metadata.Dispose();
        await Redis.DisposeAsync().ConfigureAwait(false);
    }

    private static async Task<SiloStore> OpenAsync(PostgresStore postgres, IConnectionMultiplexer redis, string name, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        var metadata = new PostgresMetadata(postgres);
        DefinitionRegistry registry = await Task.Run(() => new DefinitionRegistry(metadata, TimeProvider.System), cancellationToken).ConfigureAwait(false);
        ClusterStore cluster = await ClusterStore.OpenAsync(postgres, new RegistryDefinitions(registry, name), TimeProvider.System, loggers.CreateLogger<ClusterStore>(), cancellationToken).ConfigureAwait(false);
        return new SiloStore(cluster, metadata, registry, redis);
    }
}
