using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Orleans.Configuration;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Postgres.Log;
using OrleansFeatures.Silo.Grains;
using OrleansFeatures.Silo.Hosting;
using OrleansFeatures.Silo.Reads;
using OrleansFeatures.Silo.Streams;

namespace OrleansFeatures.Silo;

/// <summary>Entities as grains, as a silo is built.</summary>
public static class EntitiesHosting
{
    /// <summary>
    /// The whole host of entities: <see cref="IEntityHost"/> among the services, the log's streams and placement by partition behind it. Wants a grain storage named <see cref="RetentionStorage"/>, and the distributed grain directory with a lease of zero
    /// (docs/cluster.md). <paramref name="store"/> outlives the silo; whoever opened it closes it.
    /// </summary>
    public static ISiloBuilder AddEntities(this ISiloBuilder silo, ClusterStore store, ClusterHostOptions options)
    {
        IServiceCollection services = silo.Services;
        services.TryAddSingleton(store.Time);
        services.AddSingleton(store);
        services.AddSingleton(options);
        services.AddSingleton(store.Intake.Map);
        services.AddSingleton(store.Log.Tails);
        services.AddSingleton(store.Log);
        services.AddSingleton(store.States);
        services.AddSingleton(store.Intake);
        services.AddSingleton(store.Definitions);
        silo.AddLogStreams();
        AddGrains(services);
        AddReads(services);
        silo.AddGrainService<SiloReads>();
        silo.Configure<GrainCollectionOptions>(collection => collection.CollectionAge = Limits.EntityIdleAfter);
        return silo;
    }

    /// <summary>The grain storage of what is written rarely.</summary>
    public const string RetentionStorage = RetentionGrain.Storage;

    private static void AddGrains(IServiceCollection services)
    {
        GrainNeeds.Require(services, typeof(PartitionGrain), typeof(EntityGrain), typeof(RetentionGrain));
        services.AddSingleton<SiloMetrics>();
        services.AddSingleton<PartitionHomes>();
        services.AddSingleton<PartitionClaims>();
        services.AddSingleton<EntityLoading>();
        services.AddSingleton<EntityDelivery>();
        services.AddSingleton<SiloMemory>();
        services.AddSingleton<PartitionKeeper>();
        services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(provider => provider.GetRequiredService<PartitionKeeper>());
    }

    private static void AddReads(IServiceCollection services)
    {
        services.AddSingleton<LocalReads>();
        services.AddSingleton<LocalPresence>();
        services.AddSingleton<LocalPositions>();
        services.AddSingleton<SiloReadsClient>();
        services.AddSingleton<ClusterPositions>();
        services.AddSingleton<StreamTimes>();
        services.AddSingleton<RoutedReads>();
        services.AddSingleton<RoutedPresence>();
        services.AddSingleton<AppliedWaits>();
        services.AddSingleton<ClusterStatus>();
        services.AddSingleton<DefinitionChange>();
        services.AddSingleton<IEntityHost, ClusterHost>();
    }
}
