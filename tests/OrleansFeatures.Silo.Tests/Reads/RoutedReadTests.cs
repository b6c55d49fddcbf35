using OrleansFeatures.Conformance;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Silo.Tests.Kit;

namespace OrleansFeatures.Silo.Tests.Reads;

/// <summary>A read of many entities makes one call to each silo that owns some of them, and none to its own.</summary>
public sealed class RoutedReadTests
{
    private const int Customers = 200;

    [Fact]
    public async Task A_batch_read_makes_one_call_to_each_other_silo_and_none_to_its_own()
    {
        await using EntityCluster cluster = await EntityCluster.StartAsync(Transactions.Catalog());
        string[] keys = [.. Enumerable.Range(0, Customers).Select(customer => $"c{customer}")];
        await cluster[0].PushAsync([.. keys.Select((key, index) => Transactions.Insert(index, index, key, $"t{index % 7}", index))]);

        long[] calls = [.. cluster.OfAll<SiloMetrics>().Select(metrics => metrics.ReadCalls)];
        long local = cluster.Of<SiloMetrics>(0).ReadsLocal;
        FeatureRead read = await cluster[0].AskAsync("customer", Transactions.At(1_000), keys);
        read.Values.Chunk(read.Selection.Features.Length).Select(row => row[0]).ShouldAllBe(count => count == FeatureValue.Of(Value.Of(1L)));
        read.Stamps.ShouldAllBe(stamp => stamp.StateVersion > 0);
        cluster.OfAll<SiloMetrics>().Select(metrics => metrics.ReadCalls).ShouldBe([calls[0] + 2, calls[1], calls[2]]);
        (cluster.Of<SiloMetrics>(0).ReadsLocal - local).ShouldBeInRange(Customers / 6, Customers / 2, "a third of them is its own");
    }

    [Fact]
    public async Task Entities_never_seen_answer_as_empty_and_make_no_grain()
    {
        await using EntityCluster cluster = await EntityCluster.StartAsync(Transactions.Catalog(terminals: false));
        await cluster[0].PushAsync(Transactions.Insert(1, 0, "ann", "t", 1));
        await cluster[0].CheckpointAsync(Eventually.Token);
        string[] keys = [.. Enumerable.Range(0, 100).Select(number => $"nobody {number}")];
        for (int silo = 0; silo < 3; silo++)
        {
            FeatureRead read = await cluster[silo].AskAsync("customer", Transactions.At(5), keys);
            read.Stamps.ShouldAllBe(stamp => stamp == default);
            read.Values.Chunk(3).ShouldAllBe(row => row[0] == FeatureValue.Of(Value.Of(0L)) && row[1] == FeatureValue.NotFound);
        }

        cluster.OfAll<Silo.Grains.PartitionHomes>().SelectMany(homes => homes.All).Sum(home => home.Census().Awake).ShouldBe(1);
    }

    /// <summary>The silo that is stopped without a word owns a third of the customers until the others notice.</summary>
    [Fact]
    public async Task Rows_of_a_silo_that_does_not_answer_are_unavailable_and_the_rest_are_answered_in_time()
    {
        await using EntityCluster cluster = await EntityCluster.StartAsync(Transactions.Catalog(terminals: false));
        string[] keys = [.. Enumerable.Range(0, Customers).Select(customer => $"c{customer}")];
        await cluster[0].PushAsync([.. keys.Select((key, index) => Transactions.Insert(index, index, key, "t", index))]);
        HashSet<int> theirs = [.. cluster.Of<Silo.Grains.PartitionHomes>(2).All.Select(home => home.Partition.Value)];
        await cluster.Cluster.KillSiloAsync(cluster.Cluster.Silos[2]);

        using var rows = new PartialRows(Customers, TimeSpan.FromMilliseconds(400), TimeProvider.System);
        var read = new FeatureRead(cluster[0].Catalog.AllOf("customer")!, Customers) { Partial = rows };
        for (int row = 0; row < Customers; row++)
        {
            (read.Keys[row], read.AsOf[row]) = (HostCalls.KeyOf(keys[row]), Transactions.At(1_000));
        }

        await cluster[0].ReadAsync(read, Eventually.Token);
        for (int row = 0; row < Customers; row++)
        {
            bool isTheirs = theirs.Contains(cluster[0].Partitions.Of(read.Selection.Entities[0].Entity, read.Keys[row].Span).Value);
            rows.IsGivenUp(row).ShouldBe(isTheirs, keys[row]);
            read.Values[row * 3].ShouldBe(isTheirs ? FeatureValue.Invalid : FeatureValue.Of(Value.Of(1L)), keys[row]);
        }
    }

    [Fact]
    public async Task What_an_entity_takes_is_asked_of_its_silo()
    {
        await using EntityCluster cluster = await EntityCluster.StartAsync(Transactions.Catalog());
        await cluster[0].PushAsync([.. Enumerable.Range(0, 30).Select(id => Transactions.Insert(id, id, "ann", "t1", 1))]);
        for (int silo = 0; silo < 3; silo++)
        {
            EntityMemory? memory = await cluster[silo].MemoryOfAsync(cluster[silo].Catalog.Entity("customer")!, HostCalls.KeyOf("ann"), Eventually.Token);
            memory!.Value.Events.ShouldBe(30);
            (await cluster[silo].MemoryOfAsync(cluster[silo].Catalog.Entity("customer")!, HostCalls.KeyOf("nobody"), Eventually.Token)).ShouldBeNull();
        }
    }
}
