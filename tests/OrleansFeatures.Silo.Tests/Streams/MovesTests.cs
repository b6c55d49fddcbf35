using OrleansFeatures.Log;
using OrleansFeatures.Silo.Streams;
using OrleansFeatures.Silo.Tests.Kit;
using Orleans.TestingHost;

namespace OrleansFeatures.Silo.Tests.Streams;

/// <summary>Silos come and go while records are appended: queues and grains move together, and nothing is lost.</summary>
public sealed class MovesTests
{
    [Fact]
    public async Task A_silo_that_joins_takes_over_queues_and_grains_of_its_partitions_together()
    {
        await using StreamCluster cluster = await StreamCluster.StartAsync(2);
        await cluster.AppendAndWaitAsync(rounds: 3);
        InProcessSiloHandle third = await cluster.Cluster.StartAdditionalSiloAsync();
        await cluster.AgreeAsync();
        await SettleAsync(cluster);
        StreamCluster.All.Count(partition => cluster.PlannedSilo(partition).Equals(third.SiloAddress)).ShouldBeInRange(10, 11, "32 partitions over three silos are 11, 11 and 10");
    }

    [Fact]
    public async Task The_partitions_of_a_silo_that_stops_go_on_elsewhere()
    {
        await using StreamCluster cluster = await StreamCluster.StartAsync(3);
        await cluster.AppendAndWaitAsync(rounds: 3);
        await cluster.Cluster.StopSiloAsync(cluster.Cluster.Silos[1]);
        await cluster.AgreeAsync();
        await SettleAsync(cluster);
    }

    [Fact]
    public async Task The_partitions_of_a_silo_that_is_killed_go_on_elsewhere()
    {
        await using StreamCluster cluster = await StreamCluster.StartAsync(3);
        await cluster.AppendAndWaitAsync(rounds: 3);
        await cluster.Cluster.KillSiloAsync(cluster.Cluster.Silos[2]);
        cluster.Append();
        await cluster.AgreeAsync();
        await SettleAsync(cluster);
    }

    /// <summary>
    /// Appends until every partition has been delivered by the silo of its plan; then all offsets have come, each activation's in order. A record that was appended after the old agent stopped reading and
    /// before the new one began is delivered too: a receiver begins one record before the end, and whatever lies before that a PartitionGrain reads itself.
    /// </summary>
    private static async Task SettleAsync(StreamCluster cluster)
    {
        await Eventually.Is(
            () =>
            {
                cluster.Append();
                return StreamCluster.All.All(partition => cluster.DeliveredInPlace(partition));
            },
            () => $"every partition is delivered in the silo of its plan; {cluster.Describe()}");
        long departedBefore = cluster.Silos.Sum(silo => cluster.Service<LogDeliveries>(silo).Departed);
        await cluster.AppendAndWaitAsync(rounds: 10);
        foreach (int partition in StreamCluster.All)
        {
            cluster.Arrivals.Of(partition)[^1].Silo.ShouldBe(cluster.PlannedSilo(partition));
            (await cluster.Cluster.Client.GetGrain<ITailGrain>(partition).SiloAsync()).ShouldBe(cluster.PlannedSilo(partition));
        }

        cluster.Silos.Sum(silo => cluster.Service<LogDeliveries>(silo).Departed).ShouldBe(departedBefore, "once silos agree, no delivery leaves its silo");
        await Eventually.Is(() => cluster.Tails.OpenTails == StreamCluster.Partitions, "each partition is read by one receiver, and the others have let go");
    }
}
