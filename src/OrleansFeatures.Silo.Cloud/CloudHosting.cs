using Azure.Identity;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Streams;
using OrleansFeatures.Postgres.Upstream;
using OrleansFeatures.Silo.Upstream;

namespace OrleansFeatures.Silo.Cloud;

/// <summary>What binds a silo to Azure and to Kubernetes, as it is built.</summary>
public static class CloudHosting
{
    /// <summary>
    /// Event Hubs as the stream provider of the upstream: a stream for each partition of the hub, read from the positions that are kept in PostgreSQL, from the hub's beginning where there are none.
    /// <paramref name="deliver"/> is how the silo wants any upstream delivered.
    /// </summary>
    public static ISiloBuilder AddEventHub(this ISiloBuilder silo, EventHubSource source, Action<ISiloPersistentStreamConfigurator> deliver) =>
        silo.AddEventHubStreams(UpstreamStream.Name, hub =>
        {
            hub.ConfigureEventHub(options => options.Configure(connection => Connect(connection, source)));
            hub.UseDataAdapter((_, _) => new HubDataAdapter(source));
            hub.ConfigureComponent<IStreamQueueCheckpointerFactory>((services, _) => new UpstreamCheckpointerFactory(services.GetRequiredService<UpstreamPositions>(), source.Hub));

            // Events that came before anybody read the hub are events too.
            hub.ConfigurePartitionReceiver(options => options.Configure(receiver => receiver.StartFromNow = false));
            deliver(hub);
        });

    /// <summary>Kubernetes says which pods are gone, so their silos are declared dead at once; and names this silo after its pod.</summary>
    public static ISiloBuilder AddKubernetes(this ISiloBuilder silo, bool deletePods) =>
        silo.UseKubernetesHosting(options => options.Configure(kubernetes => kubernetes.DeleteDefunctSiloPods = deletePods));

    private static void Connect(EventHubOptions connection, EventHubSource source)
    {
        if (source.ConnectionString is { } secret)
        {
            connection.ConfigureEventHubConnection(secret, source.Hub, source.ConsumerGroup);
        }
        else
        {
            connection.ConfigureEventHubConnection(source.Namespace, source.Hub, source.ConsumerGroup, new DefaultAzureCredential());
        }
    }
}
