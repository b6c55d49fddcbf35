using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Entities.Reads;

namespace OrleansFeatures.Conformance;

/// <summary>Everything acknowledged is there after a restart.</summary>
public abstract class RestartConformance<TStores> : HostConformance<TStores>
    where TStores : IStores
{
    [Fact]
    public async Task Everything_is_the_same_after_a_restart()
    {
        await using ConformanceStore store = await OpenAsync();
        var oracle = new TransactionOracle();
        await store.FillAsync(oracle, Transactions.Many(seed: 4, Some(3_000)));
        for (int restart = 0; restart < 2; restart++)
        {
            await store.Host.ShouldHaveSeenAsync(oracle.StreamTime);
            await oracle.CheckAsync(store.Host, [1_800, 3_600], $"restart {restart}");
            await oracle.CheckAsync(store.Other, [3_600], $"restart {restart}", history: true);
            (await store.PushAsync(Transactions.Of(7, 0, "c1", "t1", 1))).ShouldBe([IntakeResult.Duplicate]);
            await store.RestartAsync();
        }
    }

    /// <summary>Some of the state comes from the checkpoint then, some from the log behind it.</summary>
    [Fact]
    public async Task What_came_since_the_last_checkpoint_is_there_after_a_restart_and_nothing_twice()
    {
        await using ConformanceStore store = await OpenAsync();
        var oracle = new TransactionOracle();
        for (int round = 0; round < 4; round++)
        {
            await store.FillAsync(oracle, Transactions.Many(seed: round, Some(200), first: round * 200));
            await store.Host.CheckpointAsync(Cancel);
            await store.FillAsync(oracle, Transactions.Many(seed: 10 + round, Some(50), first: 10_000 + (round * 50)));
            await store.RestartAsync();
            await oracle.CheckAsync(store.Host, [1_800, 3_600], $"round {round}");
        }

        await store.Host.ShouldHoldAsync(oracle.Accepted);
    }

    [Fact]
    public async Task State_versions_grow_and_survive_a_restart()
    {
        await using ConformanceStore store = await OpenAsync();
        var versions = new List<EntityStamp>();
        for (int id = 1; id <= 3; id++)
        {
            await store.PushAsync(Transactions.Of(id, id, "ann", "t1", 1));
            versions.Add(await store.Host.StampAsync("customer", "ann"));
        }

        versions.Select(stamp => stamp.StateVersion).ShouldBeInOrder(SortDirection.Ascending);
        versions.Select(stamp => stamp.LastEventTimeMicros).ShouldBe([Transactions.At(1).Micros, Transactions.At(2).Micros, Transactions.At(3).Micros]);
        await store.RestartAsync();
        (await store.Host.StampAsync("customer", "ann")).ShouldBe(versions[^1]);
    }
}
