using Orleans.TestingHost;
using OrleansFeatures.Log;
using OrleansFeatures.Postgres.Tests;
using OrleansFeatures.Postgres.Upstream;
using OrleansFeatures.Silo.Tests.Kit;
using OrleansFeatures.Silo.Upstream;

namespace OrleansFeatures.Silo.Tests.Upstream;

public sealed class UpstreamTests(PostgresFixture postgres)
{
    private const int Each = 100;

    private int _ids;

    [Fact]
    public async Task Every_message_is_taken_once_and_bad_rows_are_in_the_quarantine_while_their_neighbours_go_in()
    {
        await using UpstreamStore store = await UpstreamStore.StartAsync(postgres);
        long[] last = Send(store, Each);
        store.Hub.Send(0, "clicks", $"[{Click()},{{\"id\":1,\"at\":7}},{Click()}]");
        store.Hub.Send(0, "clicks", "no json at all");
        store.Hub.Send(0, "klicks", Click());
        last[0] = store.Hub.Send(0, "clicks", Click());
        await using InProcessTestCluster silos = await store.StartSilosAsync();
        await KeptAsync(store, last);
        store.Accepted.ShouldBe((UpstreamStore.Partitions * Each) + 3);
        store.Duplicates.ShouldBe(0);
        store.Quarantine.List(null, 10).Reverse().Select(refused => (refused.Stream, refused.Field)).ShouldBe([("clicks", "at"), ("clicks", ""), ("klicks", "stream")], ignoreOrder: true);
        await silos.StopAllSilosAsync();
    }

    [Fact]
    public async Task A_hub_that_is_read_again_from_its_start_doubles_nothing()
    {
        await using UpstreamStore store = await UpstreamStore.StartAsync(postgres);
        long[] last = Send(store, Each);
        await using (InProcessTestCluster silos = await store.StartSilosAsync())
        {
            await KeptAsync(store, last);
            await silos.StopAllSilosAsync();
        }

        await store.ForgetPositionsAsync();
        last = Send(store, 1);
        await using InProcessTestCluster again = await store.StartSilosAsync();
        await KeptAsync(store, last);
        store.Accepted.ShouldBe(UpstreamStore.Partitions * (Each + 1));
        store.Duplicates.ShouldBe(UpstreamStore.Partitions * Each);
        await again.StopAllSilosAsync();
    }

    [Fact]
    public async Task Silos_that_start_later_begin_at_the_kept_position()
    {
        await using UpstreamStore store = await UpstreamStore.StartAsync(postgres);
        long[] last = Send(store, Each);
        await using (InProcessTestCluster silos = await store.StartSilosAsync())
        {
            await KeptAsync(store, last);
            await silos.StopAllSilosAsync();
        }

        long[] next = Send(store, Each);
        int begun = store.Hub.Begun.Count;
        await using InProcessTestCluster again = await store.StartSilosAsync();
        await KeptAsync(store, next);
        store.Hub.Begun.Skip(begun).ShouldBe(last.Select((sequence, partition) => (store.Hub.Partitions[partition], HubInMemory.OffsetOf(sequence))), ignoreOrder: true);
        store.Accepted.ShouldBe(UpstreamStore.Partitions * 2 * Each);
        store.Duplicates.ShouldBe(0, "the message at the position came again and was passed over by its place");
        await again.StopAllSilosAsync();
    }

    [Fact]
    public async Task While_appends_fail_no_position_moves_and_then_nothing_is_lost()
    {
        await using UpstreamStore store = await UpstreamStore.StartAsync(postgres);
        store.Fail(() => new LogFullException("log", 1));
        long[] last = Send(store, Each);
        await using InProcessTestCluster silos = await store.StartSilosAsync();

        // Each partition fails several times over.
        await Eventually.Is(() => store.Appends >= 5 * UpstreamStore.Partitions, "failed deliveries come again");
        IUpstreamGrain grain = silos.Client.GetGrain<IUpstreamGrain>(store.Hub[0].ToString());
        (await grain.TakenThroughAsync()).ShouldBe(UpstreamEvents.Beginning);
        (await store.Positions.FindAsync(store.Hub[0], Eventually.Token)).ShouldBeNull();
        store.Accepted.ShouldBe(0);
        store.Fail(null);
        await KeptAsync(store, last);
        (await grain.TakenThroughAsync()).ShouldBe(last[0]);
        store.Accepted.ShouldBe(UpstreamStore.Partitions * Each);
        await silos.StopAllSilosAsync();
    }

    [Fact]
    public async Task Batches_that_an_agent_passed_over_are_read_again_from_the_kept_position()
    {
        await using UpstreamStore store = await UpstreamStore.StartAsync(postgres);
        long[] first = Send(store, 1);
        await using InProcessTestCluster silos = await store.StartSilosAsync(agents: options =>
        {
            // As a provider is that nobody has told to deliver for ever, with less patience.
            options.MaxEventDeliveryTime = TimeSpan.FromMilliseconds(200);
            options.BatchContainerBatchSize = 5;
        });
        await KeptAsync(store, first);
        store.Fail(() => new LogFullException("log", 1));
        long[] last = Send(store, Each);
        await store.WarnedAsync(300);
        store.Fail(null);
        await KeptAsync(store, last);
        await store.WarnedAsync(301);
        store.Accepted.ShouldBe(UpstreamStore.Partitions * (Each + 1));
        store.Hub.Begun.Count.ShouldBeGreaterThan(UpstreamStore.Partitions);
        await silos.StopAllSilosAsync();
    }

    [Fact]
    public async Task Whoever_was_overtaken_moves_no_position_back_and_makes_room()
    {
        await using UpstreamStore store = await UpstreamStore.StartAsync(postgres);
        await using InProcessTestCluster silos = await store.StartSilosAsync();
        await KeptAsync(store, Send(store, 10));

        // Somebody else takes in everything that there will be of partition 0, while this silo still reads it.
        var ahead = new UpstreamPosition(10_000, "far");
        (await store.Positions.TryAdvanceAsync(store.Hub[0], ahead, Eventually.Token)).ShouldBeTrue();
        long[] last = Send(store, 10);
        await store.WarnedAsync(303);
        (await store.Positions.FindAsync(store.Hub[0], Eventually.Token)).ShouldBe(ahead);
        for (int partition = 1; partition < UpstreamStore.Partitions; partition++)
        {
            await store.KeptAsync(partition, last[partition]);
        }

        IUpstreamGrain grain = silos.Client.GetGrain<IUpstreamGrain>(store.Hub[0].ToString());
        await Eventually.Ends(silos.WaitForDeactivationAsync(grain), "the activation makes room");
        (await grain.TakenThroughAsync()).ShouldBe(ahead.Sequence);
        await silos.StopAllSilosAsync();
    }

    [Fact]
    public async Task A_killed_silo_costs_nothing_and_counts_nothing_twice()
    {
        await using UpstreamStore store = await UpstreamStore.StartAsync(postgres);
        await using InProcessTestCluster silos = await store.StartSilosAsync(count: 2);
        Send(store, Each);
        await Eventually.Is(() => store.Accepted > Each, "the silos are at work");
        await silos.KillSiloAsync(silos.Silos[1]);
        long[] last = Send(store, Each);
        await KeptAsync(store, last);
        store.Accepted.ShouldBe(UpstreamStore.Partitions * 2 * Each);
        await silos.StopAllSilosAsync();
    }

    /// <summary>The same number of events to every partition, a few in each message; answers the last places.</summary>
    private long[] Send(UpstreamStore store, int events)
    {
        var last = new long[UpstreamStore.Partitions];
        for (int partition = 0; partition < last.Length; partition++)
        {
            for (int left = events; left > 0; left -= Math.Min(left, 3))
            {
                last[partition] = store.Hub.Send(partition, "clicks", string.Join('\n', Enumerable.Range(0, Math.Min(left, 3)).Select(_ => Click())));
            }
        }

        return last;
    }

    private string Click() => $$"""{"id":{{++_ids}},"at":"2018-04-01T00:00:01Z","user":"ada","shop":1,"amount":1,"count":1}""";

    private static async Task KeptAsync(UpstreamStore store, long[] last)
    {
        for (int partition = 0; partition < last.Length; partition++)
        {
            await store.KeptAsync(partition, last[partition]);
        }
    }
}
