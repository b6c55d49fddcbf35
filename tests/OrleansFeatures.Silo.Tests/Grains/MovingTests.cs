using OrleansFeatures.Conformance;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities;
using OrleansFeatures.Log;
using OrleansFeatures.Postgres.States;
using OrleansFeatures.Silo.Grains;
using OrleansFeatures.Silo.Placement;
using OrleansFeatures.Silo.Tests.Kit;

namespace OrleansFeatures.Silo.Tests.Grains;

/// <summary>Partitions move checkpoint first, with their entities; a silo that stops has saved what it was given; one that dies has not, and nothing is lost with it.</summary>
public sealed class MovingTests
{
    [Fact]
    public async Task A_silo_that_joins_takes_over_from_checkpoints_and_reads_no_more_of_the_log_than_has_come_since()
    {
        await using EntityCluster cluster = await StartAsync(silos: 2);
        await cluster[0].PushAsync(Transactions.Many(1, 400));
        await cluster.Cluster.StartAdditionalSiloAsync();
        await cluster.SettledAsync();
        PartitionId[] moved = [.. cluster.Of<PartitionPlans>(2).Current.PartitionsOf(cluster.Cluster.Silos[2].SiloAddress)];
        moved.ShouldNotBeEmpty();
        foreach (PartitionId partition in moved)
        {
            PartitionHome home = cluster.Of<PartitionHomes>(2).Find(partition)!;
            home.Ownership.Claim.Applied.ShouldBe(cluster[0].DurableOffset(partition), "the owner before took a checkpoint of everything before it let go");
            cluster.OfAll<PartitionHomes>().Count(homes => homes.Find(partition) is not null).ShouldBe(1);
        }

        cluster.Of<SiloMetrics>(2).RecordsApplied.ShouldBe(0);
        await ShouldCountAsync(cluster, Transactions.Many(1, 400));
    }

    [Fact]
    public async Task A_silo_that_stops_has_saved_everything_it_was_given()
    {
        await using EntityCluster cluster = await StartAsync(silos: 2);
        await cluster[0].PushAsync(Transactions.Many(2, 400));
        PartitionId[] leaving = [.. cluster.Of<PartitionHomes>(1).All.Select(home => home.Partition)];
        await cluster.Cluster.StopSiloAsync(cluster.Cluster.Silos[1]);
        await cluster.SettledAsync();
        leaving.ShouldNotBeEmpty();
        foreach (PartitionId partition in leaving)
        {
            cluster.HomeOf(partition)!.Ownership.Claim.Applied.ShouldBe(cluster[0].DurableOffset(partition));
        }

        await ShouldCountAsync(cluster, Transactions.Many(2, 400));
    }

    [Fact]
    public async Task A_read_after_the_loss_of_a_silo_shows_no_less_than_its_token_promised()
    {
        await using EntityCluster cluster = await StartAsync(silos: 3);
        Push[] events = Transactions.Many(3, 100);
        Pushed pushed = await cluster[0].AppendAsync(events);
        await cluster[0].WaitAppliedAsync(pushed.Positions);
        (await cluster.Of<EntityStates>(0).StandingsAsync(Eventually.Token)).ShouldAllBe(standing => standing.Applied == LogOffset.None, "only the log has it");
        Task dying = cluster.Cluster.KillSiloAsync(cluster.Cluster.Silos[^1]);
        await cluster[0].WaitAppliedAsync(pushed.Positions);
        await ShouldCountAsync(cluster, events);
        await dying;
        await ShouldCountAsync(cluster, events);
    }

    [Fact]
    public async Task An_owner_that_cannot_confirm_itself_answers_nobody()
    {
        await using EntityCluster cluster = await StartAsync(silos: 1);
        PartitionHome home = cluster.HomeOf(new PartitionId(0))!;
        home.Ownership.IsConfirmed.ShouldBeTrue();
        var asleep = new Ownership(home.Ownership.Claim, LogOffset.None, TimeProvider.System);
        asleep.IsConfirmed.ShouldBeTrue();
        asleep.Confirm(TimeProvider.System.GetTimestamp() - (long)(Limits.OwnerConfirmedFor.TotalSeconds * TimeProvider.System.TimestampFrequency) - 1);
        asleep.IsConfirmed.ShouldBeFalse();
    }

    private static Task<EntityCluster> StartAsync(short silos) => EntityCluster.StartAsync(Transactions.Catalog(terminals: false), silos, options: given => given with { CheckpointEvery = TimeSpan.FromHours(1) });

    private static async Task ShouldCountAsync(EntityCluster cluster, Push[] pushed)
    {
        foreach (IGrouping<string, Push> customer in pushed.GroupBy(push => push.Fields[2].Text))
        {
            var read = await cluster[0].ReadAsync("customer", customer.Key, Transactions.At(3_599));
            read["count"].Scalar.ShouldBe(Value.Of((long)customer.Count()), customer.Key);
            read["sum"].Scalar.ShouldBe(Value.Of(customer.Sum(push => push.Fields[4].Double)), customer.Key);
        }
    }
}
