using Orleans.Providers.Streams.Common;
using Orleans.Streams;
using OrleansFeatures.Conformance;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Log;
using OrleansFeatures.Postgres.Log;
using OrleansFeatures.Silo.Grains;
using OrleansFeatures.Silo.Streams;
using OrleansFeatures.Silo.Tests.Kit;

namespace OrleansFeatures.Silo.Tests.Grains;

/// <summary>Whatever a stream delivers, in whatever order and however often, a partition applies each record once, in order.</summary>
public sealed class DeliveryTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Batches_that_overlap_come_twice_or_never_change_nothing(int seed)
    {
        await using EntityCluster cluster = await EntityCluster.StartAsync(Transactions.Catalog(terminals: false), silos: 1, partitions: 1);
        await cluster.Cluster.Client.GetGrain<IManagementGrain>(0).SendControlCommandToProvider<PersistentStreamProvider>(LogStream.Name, (int)PersistentStreamProviderCommand.StopAgents, null);
        PartitionGrain grain = GrainOf(cluster, 0);
        var random = new Random(seed);
        Push[] all = Transactions.Many(seed, 300);
        for (int from = 0; from < all.Length; from += 30)
        {
            await cluster[0].AppendAsync(all[from..(from + 30)]);
            for (int times = random.Next(3); times > 0; times--)
            {
                int first = random.Next(from + 30);
                await grain.OnNextAsync([await BatchAsync(cluster, first, Math.Min(from + 29, first + random.Next(60)))]);
            }
        }

        await grain.OnNextAsync([await BatchAsync(cluster, 299, 299)]);
        cluster.HomeOf(new PartitionId(0))!.Ownership.Applied.ShouldBe(new LogOffset(299), $"seed {seed}");
        cluster.Of<SiloMetrics>(0).RecordsApplied.ShouldBe(300, $"seed {seed}");
        cluster.Of<SiloMetrics>(0).GapsRead.ShouldBeGreaterThan(0, $"seed {seed}");
        foreach (IGrouping<string, Push> customer in all.GroupBy(push => push.Fields[2].Text))
        {
            var read = await cluster[0].ReadAsync("customer", customer.Key, Transactions.At(3_599));
            read["count"].Scalar.ShouldBe(Value.Of((long)customer.Count()), $"seed {seed}, {customer.Key}");
            read["sum"].Scalar.ShouldBe(Value.Of(customer.Sum(push => push.Fields[4].Double)), $"seed {seed}, {customer.Key}");
        }
    }

    private static PartitionGrain GrainOf(EntityCluster cluster, int partition)
    {
        GrainId id = cluster.Of<IGrainFactory>(0).GetGrain<IPartitionGrain>(partition).GetGrainId();
        cluster.Cluster.TryGetGrainContext(id, out IGrainContext? context).ShouldBeTrue();
        return context.GrainInstance.ShouldBeOfType<PartitionGrain>();
    }

    /// <summary>Records from one offset through another as one batch of the partition's stream.</summary>
    private static async Task<SequentialItem<LogBatch>> BatchAsync(EntityCluster cluster, long first, long last)
    {
        var frames = new List<byte>();
        await cluster.Of<PostgresLog>(0).ReadPartitionAsync(
            new PartitionId(0),
            new LogOffset(first - 1),
            new LogOffset(last),
            batch =>
            {
                frames.AddRange(batch.Frames.Span);
                return default;
            },
            Eventually.Token);
        return new SequentialItem<LogBatch>(new LogBatch(0, first, last, [.. frames]), new EventSequenceToken(last));
    }
}
