using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Orleans.Streams;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Postgres.Log;
using OrleansFeatures.Silo.Placement;

namespace OrleansFeatures.Silo.Streams;

/// <summary>The log's streams, as a silo is built.</summary>
public static class StreamHosting
{
    /// <summary>
    /// The stream provider "log": one stream for each partition, delivered in the silo that the plan gives the partition, to the grain class that subscribes implicitly to the namespace "log". Brings
    /// <see cref="PlacementHosting.AddPlacementByPartition"/> with it. Wants <see cref="PartitionMap"/> and <see cref="IPartitionTails"/> among the services.
    /// </summary>
    public static ISiloBuilder AddLogStreams(this ISiloBuilder silo)
    {
        silo.AddPlacementByPartition();
        silo.Services.TryAddSingleton(TimeProvider.System);
        silo.Services.AddSingleton<LogDeliveries>();
        silo.Services.AddSingleton<LogBatchContainer.Departure>();
        silo.Services.AddSingleton<LogQueueAdapter>();
        silo.Services.AddSingleton<LogQueueMapper>();
        silo.Services.AddSingleton<LogQueueAdapterFactory>();
        return silo.AddPersistentStreams(LogStream.Name, (services, _) => services.GetRequiredService<LogQueueAdapterFactory>(), Configure);
    }

    private static void Configure(ISiloPersistentStreamConfigurator streams)
    {
        // Who reads a partition is written on the grain's class: there is no list of subscriptions to keep, to lose, or to fault.
        streams.ConfigureStreamPubSub(StreamPubSubType.ImplicitOnly);
        streams.ConfigurePartitionBalancing((services, _) => ActivatorUtilities.CreateInstance<PartitionQueueBalancer>(services));
        streams.ConfigureBackoffProvider((_, _) => new DeliveryBackoff());
        streams.ConfigureBackoffProvider((_, _) => new ReadBackoff());
        streams.ConfigurePullingAgent(agents => agents.Configure(options =>
        {
            options.GetQueueMsgsTimerPeriod = Limits.PullPeriod;
            options.MaxEventDeliveryTime = Limits.DeliveryTimeMax;
            options.StreamInactivityPeriod = Limits.StreamInactivity;

            // One container, which already holds all that has gathered.
            options.BatchContainerBatchSize = 1;
        }));
    }
}
