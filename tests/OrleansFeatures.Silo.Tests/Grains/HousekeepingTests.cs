using OrleansFeatures.Conformance;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Postgres.Log;
using OrleansFeatures.Silo.Grains;
using OrleansFeatures.Silo.Tests.Kit;

namespace OrleansFeatures.Silo.Tests.Grains;

/// <summary>What goes when it is no longer needed, and what stays.</summary>
public sealed class HousekeepingTests
{
    [Fact]
    public async Task Over_its_budget_a_silo_lets_go_of_entities_that_a_checkpoint_holds_and_they_come_back()
    {
        await using EntityCluster cluster = await EntityCluster.StartAsync(
            Transactions.Catalog(terminals: false), silos: 1, options: given => given with { MemoryBudgetBytes = 30 * (Limits.ResidentOverheadBytes - 200), CheckpointEvery = TimeSpan.FromHours(1) });
        string[] keys = [.. Enumerable.Range(0, 30).Select(customer => $"c{customer}")];
        await cluster[0].PushAsync([.. keys.Select((key, index) => Transactions.Insert(index, 0, key, "t", index))]);
        await cluster[0].CheckpointAsync(Eventually.Token);
        await Eventually.Is(() => cluster.Of<PartitionHomes>(0).All.Sum(home => home.Census().Awake) < keys.Length, "nobody wants them, and the budget is for less");
        (await cluster[0].AskAsync("customer", Transactions.At(5), keys)).Values.Chunk(3).Select(row => row[1].Scalar).ShouldBe(keys.Select((_, index) => Value.Of((double)index)));
    }

    [Fact]
    public async Task Old_history_goes_once_checkpoints_hold_it_and_the_totals_survive_the_grain()
    {
        await using EntityCluster cluster = await EntityCluster.StartAsync(Transactions.Catalog(terminals: false), silos: 2, options: given => given with { RawHistory = TimeSpan.Zero });
        await cluster[0].PushAsync(Transactions.Many(1, 50));
        await cluster[0].CheckpointAsync(Eventually.Token);
        var retention = cluster.Of<IGrainFactory>(0).GetGrain<IRetentionGrain>(0);
        RetentionTotals totals = await retention.RunAsync();
        totals.RecordsDropped.ShouldBe(50);
        await Eventually.Is(() => cluster.Of<PostgresLog>(0).FirstSequence.Value > 0, "every silo learns that history begins later now");

        await cluster.Cluster.DeactivateAsync(retention.GetGrainId());
        (await retention.EnsureAsync()).ShouldBe(totals);
        (await cluster[0].PushAsync(Transactions.Many(1, 50))).ShouldAllBe(outcome => outcome.Result == Entities.Intake.IntakeResult.Duplicate, "ids are remembered longer than records");
    }

    [Fact]
    public async Task A_replay_rebuilds_every_partition_and_rows_of_the_generation_before_go()
    {
        await using EntityCluster cluster = await EntityCluster.StartAsync(Transactions.Catalog(), silos: 2);
        await cluster[0].PushAsync(Transactions.Many(1, 200));
        await cluster[0].CheckpointAsync(Eventually.Token);
        (await cluster[1].ReplayAsync(cluster.Of<PostgresLog>(1).FirstSequence, null, Eventually.Token)).ShouldBe(400);
        await cluster[0].CheckpointAsync(Eventually.Token);
        await cluster[0].PushAsync(Transactions.Many(2, 200, first: 200));
        await cluster[0].CheckpointAsync(Eventually.Token);

        PartitionHome[] homes = [.. cluster.OfAll<PartitionHomes>().SelectMany(each => each.All)];
        homes.ShouldAllBe(home => home.Ownership.Claim.Generation == 1);
        foreach (PartitionHome home in homes)
        {
            (await StoredBytes.EntitiesAsync(cluster.Of<ClusterStore>(0).Postgres, 0, home.Partition, Eventually.Token)).ShouldBe(0);
        }

        (await cluster[0].ReadAsync("customer", "c1", Transactions.At(3_599)))["count"].Scalar
            .ShouldBe(Value.Of((long)Transactions.Many(1, 200).Concat(Transactions.Many(2, 200, first: 200)).Count(push => push.Fields[2].Text == "c1")));
        await Should.ThrowAsync<ReplayFromException>(async () => await cluster[0].ReplayAsync(new Log.LogSequence(5), null, Eventually.Token));
    }
}
