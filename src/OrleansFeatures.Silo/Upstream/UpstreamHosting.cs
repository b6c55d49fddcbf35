using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Orleans.Providers;
using Orleans.Streams;
using OrleansFeatures.Gateway.Ingest;
using OrleansFeatures.Postgres.Upstream;
using OrleansFeatures.Silo.Hosting;
using OrleansFeatures.Silo.Streams;

namespace OrleansFeatures.Silo.Upstream;

/// <summary>The upstream, as a silo is built.</summary>
public static class UpstreamHosting
{
    /// <summary>
    /// What <see cref="UpstreamGrain"/> needs. Wants a <c>PostgresStore</c> and the gateway's <see cref="BodyIntake"/> among the services, and the silo does not start without them. The provider itself is the caller's: any persistent stream provider of the name
    /// <see cref="UpstreamStream.Name"/> whose streams are <see cref="UpstreamStream.IdOf"/>, whose items are <see cref="UpstreamEvents"/>, and which begins reading where <see cref="UpstreamCheckpointerFactory"/> says.
    /// </summary>
    public static ISiloBuilder AddUpstream(this ISiloBuilder silo)
    {
        GrainNeeds.Require(silo.Services, typeof(UpstreamGrain));
        silo.Services.TryAddSingleton<UpstreamPositions>();
        silo.Services.AddKeyedSingleton<IControllable>(UpstreamStream.Name, (services, _) => new UpstreamReceivers(services));
        return silo;
    }

    /// <summary>How the provider delivers: in batches, to the grain's class without a list of subscriptions, and a batch that fails again and again until it is taken.</summary>
    public static void DeliverUpstream(this ISiloPersistentStreamConfigurator streams)
    {
        streams.ConfigureStreamPubSub(StreamPubSubType.ImplicitOnly);
        streams.ConfigureBackoffProvider((_, _) => new DeliveryBackoff());
        streams.ConfigurePullingAgent(agents => agents.Configure(options =>
        {
            options.MaxEventDeliveryTime = Timeout.InfiniteTimeSpan;
            options.StreamInactivityPeriod = Limits.StreamInactivity;
            options.BatchContainerBatchSize = Limits.UpstreamBatchMessages;
        }));
    }
}
