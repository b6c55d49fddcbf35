using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using OrleansFeatures.Conformance;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Gateway.Admission;
using OrleansFeatures.Gateway.Health;
using OrleansFeatures.Gateway.Ingest;
using OrleansFeatures.Gateway.Metadata;
using OrleansFeatures.Gateway.Tests;
using OrleansFeatures.Postgres.Upstream;
using OrleansFeatures.Silo.Tests.Kit;
using OrleansFeatures.Silo.Upstream;

namespace OrleansFeatures.Silo.Tests.Upstream;

/// <summary>The whole way: a hub, the log in PostgreSQL, entities as grains.</summary>
public sealed class UpstreamClusterTests
{
    private const int Partitions = 4;

    [Fact]
    public async Task Events_of_a_hub_are_in_every_silos_answers_once_though_a_silo_is_killed_meanwhile()
    {
        using var folder = new TemporaryFolder();
        using MetadataDatabase metadata = SqliteMetadata.Open(folder.Path);
        var hub = new HubInMemory("orders", Partitions);
        await using EntityCluster cluster = await EntityCluster.StartAsync(Transactions.Catalog(), silos: 3, more: silo => Configure(silo, hub, metadata));
        Send(hub, first: 0, count: 300);
        UpstreamPositions positions = cluster.Of<UpstreamPositions>(0);
        await Eventually.Is(() => cluster[0].Status().Streams.Single().Accepted > 50, "the silos are at work");
        await cluster.Cluster.KillSiloAsync(cluster.Cluster.Silos[2]);
        long[] last = Send(hub, first: 300, count: 300);
        for (int partition = 0; partition < Partitions; partition++)
        {
            await KeptPosition.IsAsync(positions, hub[partition], last[partition], () => string.Join('\n', cluster.Logged.TakeLast(40)));
        }

        await cluster.SettledAsync();
        for (int silo = 0; silo < 2; silo++)
        {
            await cluster[silo].WaitAllAppliedAsync();
            Dictionary<string, FeatureValue> ann = await cluster[silo].ReadAsync("customer", "ann", Transactions.At(3_000));
            ann["count"].Scalar.ShouldBe(Value.Of(600L * Partitions));
            ann["sum"].Scalar.ShouldBe(Value.Of(600.0 * Partitions));
        }
    }

    private static void Configure(ISiloBuilder silo, HubInMemory hub, MetadataDatabase metadata)
    {
        silo.Services.AddSingleton(services => services.GetRequiredService<ClusterStore>().Postgres);
        silo.Services.AddSingleton(new Quarantine(metadata)).AddSingleton(new LateOutput(metadata)).AddSingleton(BackfillRight.Nobody);
        silo.Services.AddSingleton<HealthServiceImpl>().AddSingleton<IngestRoom>().AddSingleton<Ingestion>().AddSingleton<BodyIntake>();
        HubStreams.AddTo(silo, hub);
    }

    /// <summary>The same number of ann's transactions to every partition of the hub.</summary>
    private static long[] Send(HubInMemory hub, int first, int count)
    {
        var last = new long[Partitions];
        for (int index = 0; index < count * Partitions; index++)
        {
            int id = (first * Partitions) + index;
            string at = Transactions.At(id).ToString();
            last[id % Partitions] = hub.Send(id % Partitions, "transactions", string.Create(CultureInfo.InvariantCulture, $$"""{"tx_id":{{id}},"tx_time":"{{at}}","customer_id":"ann","terminal_id":"t{{id % 5}}","amount":1}"""));
        }

        return last;
    }
}
