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

    /// <summary>A silo is stuck inside one of its partitions: it answers nothing of what it is asked together with that.</summary>
    [Fact]
    public async Task Rows_of_a_silo_that_does_not_answer_in_time_are_given_up_and_the_rest_are_answered()
    {
        await using EntityCluster cluster = await EntityCluster.StartAsync(Transactions.Catalog(terminals: false));
        string[] keys = [.. Enumerable.Range(0, Customers).Select(customer => $"c{customer}")];
        await cluster[0].PushAsync([.. keys.Select((key, index) => Transactions.Insert(index, index, key, "t", index))]);
        HashSet<int> theirs = [.. cluster.Of<Silo.Grains.PartitionHomes>(2).All.Select(home => home.Partition.Value)];

        // What the silos that answer may take on a machine that has other tests to run, and less than a question to a silo may; the stuck one takes all of it.
        using var rows = new PartialRows(Customers, TimeSpan.FromSeconds(8), TimeProvider.System);
        var read = new FeatureRead(cluster[0].Catalog.AllOf("customer")!, Customers) { Partial = rows };
        for (int row = 0; row < Customers; row++)
        {
            (read.Keys[row], read.AsOf[row]) = (HostCalls.KeyOf(keys[row]), Transactions.At(1_000));
        }

        int stuck = theirs.First(partition => keys.Any(key => PartitionOf(cluster, key) == partition));
        using (new StuckPartition(cluster.Of<Silo.Grains.PartitionHomes>(2).Find(new Log.PartitionId(stuck))!))
        {
            await cluster[0].ReadAsync(read, Eventually.Token);
        }

        for (int row = 0; row < Customers; row++)
        {
            bool isTheirs = theirs.Contains(PartitionOf(cluster, keys[row]));
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

    private static int PartitionOf(EntityCluster cluster, string key) => cluster[0].Partitions.Of(cluster[0].Catalog.Entity("customer")!, HostCalls.KeyOf(key)).Value;

    /// <summary>Somebody is inside a partition's gate and stays there until this is disposed.</summary>
    private sealed class StuckPartition : IDisposable
    {
        private readonly ManualResetEventSlim _entered = new();
        private readonly ManualResetEventSlim _leave = new();
        private readonly Thread _inside;

        public StuckPartition(Silo.Grains.PartitionHome home)
        {
            _inside = new Thread(() =>
            {
                using Lock.Scope turn = home.Enter();
                _entered.Set();
                _leave.Wait();
            });
            _inside.Start();
            _entered.Wait(TestContext.Current.CancellationToken);
        }

        public void Dispose()
        {
            _leave.Set();
            _inside.Join();
            _entered.Dispose();
            _leave.Dispose();
        }
    }
}
