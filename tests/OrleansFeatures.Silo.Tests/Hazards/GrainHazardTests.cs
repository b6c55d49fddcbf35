using Orleans.Providers.Streams.Common;
using Orleans.Serialization;
using Orleans.TestingHost;
using OrleansFeatures.Conformance;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities;
using OrleansFeatures.Log;
using OrleansFeatures.Postgres.Log;
using OrleansFeatures.Postgres.States;
using OrleansFeatures.Silo.Grains;
using OrleansFeatures.Silo.Placement;
using OrleansFeatures.Silo.Streams;
using OrleansFeatures.Silo.Tests.Kit;

namespace OrleansFeatures.Silo.Tests.Hazards;

/// <summary>The same hazards with the real grains over a real PostgreSQL: whatever silos and streams do, every acknowledged event counts once.</summary>
public sealed class GrainHazardTests
{
    /// <summary>
    /// Findings 3, 4, 5 and 7 and issues 11242 and 8986 at once. A silo stops (drains: stops pulling, applies, takes a checkpoint, leaves), one dies with whatever it had not saved, others join; partitions move each
    /// time, from checkpoints only, and calls that lost their answer are made again. All of it while events are pushed.
    /// </summary>
    [Fact]
    public async Task Silos_stop_die_and_join_under_load_and_every_event_counts_once()
    {
        await using EntityCluster cluster = await EntityCluster.StartAsync(Transactions.Catalog());
        using var stop = new CancellationTokenSource();
        IEntityHost entry = cluster[0];
        Task<List<Push>> load = Task.Run(() => LoadAsync(entry, stop.Token));

        await cluster.Cluster.StopSiloAsync(cluster.Cluster.Silos[2]);
        await cluster.SettledAsync();
        await cluster.Cluster.StartAdditionalSiloAsync();
        await cluster.SettledAsync();
        await cluster.Cluster.KillSiloAsync(cluster.Cluster.Silos[1]);
        await cluster.SettledAsync();
        await cluster.Cluster.StartAdditionalSiloAsync();
        await cluster.SettledAsync();

        await stop.CancelAsync();
        List<Push> pushed = await Eventually.Ends(load, "the load's last push");
        TestContext.Current.TestOutputHelper?.WriteLine($"{pushed.Count} events; fenced checkpoints {cluster.OfAll<SiloMetrics>().Sum(metrics => metrics.CheckpointsFenced)}, gaps read {cluster.OfAll<SiloMetrics>().Sum(metrics => metrics.GapsRead)}, entities healed {cluster.OfAll<SiloMetrics>().Sum(metrics => metrics.EntitiesHealed)}");
        await ShouldCountOnceAsync(cluster, pushed);
    }

    /// <summary>
    /// Finding 3's price: without a lease in the directory two silos may own one partition for a moment, and one that was thought dead may wake up. What an owner of an older epoch wants to save is refused;
    /// it gives the partition up, and what it had applied is applied again by the next owner, from the checkpoint.
    /// </summary>
    [Fact]
    public async Task A_zombie_cannot_save_and_nothing_it_did_is_lost_or_counted_twice()
    {
        await using EntityCluster cluster = await EntityCluster.StartAsync(Transactions.Catalog(), silos: 2, options: given => given with { CheckpointEvery = TimeSpan.FromHours(1) });
        Push[] first = Transactions.Many(seed: 1, count: 200);
        await cluster[0].PushAsync(first);
        var partition = new PartitionId(Enumerable.Range(0, 16).First(number => cluster[0].DurableOffset(new PartitionId(number)).Value >= 0));
        PartitionClaim zombie = cluster.HomeOf(partition)!.Ownership.Claim;
        PartitionClaim thief = await cluster.Of<EntityStates>(0).AcquireAsync(partition, "a silo that believes the other is dead", zombie.Generation, Eventually.Token);
        thief.Epoch.ShouldBeGreaterThan(zombie.Epoch);

        (await cluster.Of<IGrainFactory>(0).GetGrain<IPartitionGrain>(partition.Value).CheckpointAsync()).ShouldBeFalse("its epoch is over");
        PartitionStanding standing = (await cluster.Of<EntityStates>(0).StandingsAsync(Eventually.Token)).Single(each => each.Partition == partition);
        standing.Applied.ShouldBe(thief.Applied, "the zombie has moved nothing");

        await Eventually.Is(() => cluster.HomeOf(partition) is { } home && home.Ownership.Claim.Epoch > thief.Epoch, "the silo of the plan has claimed the partition anew");
        Push[] second = Transactions.Many(seed: 2, count: 200, first: 200);
        await cluster[1].PushAsync(second);
        await ShouldCountOnceAsync(cluster, [.. first, .. second]);
    }

    /// <summary>
    /// Finding 5: a silo that stops must stop pulling, apply what it has, take a checkpoint, and only then let its grains go; undrained, a stale last checkpoint lost the effects of 7,800 events. Here checkpoints come
    /// once an hour, so the one that the next owner begins from can only be the one that was taken on the way out.
    /// </summary>
    [Fact]
    public async Task Finding_5_a_silo_that_stops_leaves_nothing_to_be_applied_again()
    {
        await using EntityCluster cluster = await EntityCluster.StartAsync(Transactions.Catalog(), options: given => given with { CheckpointEvery = TimeSpan.FromHours(1) });
        Push[] pushed = Transactions.Many(seed: 5, count: 500);
        await cluster[0].PushAsync(pushed);
        PartitionId[] leaving = [.. cluster.Of<PartitionHomes>(2).All.Select(home => home.Partition)];
        leaving.ShouldNotBeEmpty();
        await cluster.Cluster.StopSiloAsync(cluster.Cluster.Silos[2]);
        await cluster.SettledAsync();
        foreach (PartitionId partition in leaving)
        {
            cluster.HomeOf(partition)!.Ownership.Claim.Applied.ShouldBe(cluster[0].DurableOffset(partition), $"partition {partition}");
        }

        await ShouldCountOnceAsync(cluster, pushed);
    }

    /// <summary>Finding 7: whoever lost an answer calls again, so taking records twice must be harmless.</summary>
    [Fact]
    public async Task An_entity_that_is_given_its_records_again_passes_over_them()
    {
        await using EntityCluster cluster = await EntityCluster.StartAsync(Transactions.Catalog(terminals: false), silos: 2);
        await cluster[0].PushAsync([.. Enumerable.Range(0, 50).Select(id => Transactions.Insert(id, id, "ann", "t", 1))]);
        var address = new EntityAddress("customer", HostCalls.KeyOf("ann"));
        PartitionId partition = address.PartitionOf(cluster[0].Partitions);
        var frames = new List<byte>();
        await cluster.Of<PostgresLog>(0).ReadPartitionAsync(partition, LogOffset.None, cluster[0].DurableOffset(partition), batch =>
        {
            frames.AddRange(batch.Frames.Span);
            return default;
        }, Eventually.Token);

        IEntityGrain ann = cluster.Of<IGrainFactory>(0).GetGrain<IEntityGrain>(address.ToGrainKey());
        var again = new EntityBatch(cluster.HomeOf(partition)!.Ownership.Claim.Epoch, -1, frames.ToArray());
        (await ann.ApplyAsync(again)).ShouldBe(EntityReply.Done);
        (await ann.ApplyAsync(again)).ShouldBe(EntityReply.Done);
        (await cluster[1].ReadAsync("customer", "ann", Transactions.At(3_599)))["count"].Scalar.ShouldBe(Value.Of(50L));
    }

    /// <summary>Finding 2 at its worst: the streams deliver nothing at all, to nobody. They are only the fast way: keepers see partitions stand still and have them read the log.</summary>
    [Fact]
    public async Task Without_any_delivery_events_are_applied_all_the_same()
    {
        await using EntityCluster cluster = await EntityCluster.StartAsync(Transactions.Catalog(), silos: 2);
        Push[] first = Transactions.Many(seed: 3, count: 100);
        await cluster[0].PushAsync(first);
        var management = cluster.Cluster.Client.GetGrain<IManagementGrain>(0);
        await management.SendControlCommandToProvider<PersistentStreamProvider>(LogStream.Name, (int)PersistentStreamProviderCommand.StopAgents, null);
        object?[] agents = await management.SendControlCommandToProvider<PersistentStreamProvider>(LogStream.Name, (int)PersistentStreamProviderCommand.GetNumberRunningAgents, null);
        agents.ShouldAllBe(count => Equals(count, 0));

        Push[] second = Transactions.Many(seed: 4, count: 100, first: 100);
        await cluster[1].PushAsync(second);
        await ShouldCountOnceAsync(cluster, [.. first, .. second]);
    }

    /// <summary>With stable members every delivery, of batches to partitions and of records to entities, stays in its process.</summary>
    [Fact]
    public async Task Deliveries_stay_in_their_silo()
    {
        await using EntityCluster cluster = await EntityCluster.StartAsync(Transactions.Catalog());
        long departed = cluster.OfAll<LogDeliveries>().Sum(deliveries => deliveries.Departed);
        long elsewhere = cluster.OfAll<SiloMetrics>().Sum(metrics => metrics.DeliveriesElsewhere);
        var pushed = new List<Push>();
        for (int turn = 0; turn < 20; turn++)
        {
            Push[] more = Transactions.Many(seed: turn, count: 50, first: 50 * turn);
            await cluster[turn % 3].PushAsync(more);
            pushed.AddRange(more);
        }

        await ShouldCountOnceAsync(cluster, pushed);
        cluster.OfAll<LogDeliveries>().Sum(deliveries => deliveries.Departed).ShouldBe(departed);
        cluster.OfAll<SiloMetrics>().Sum(metrics => metrics.DeliveriesElsewhere).ShouldBe(elsewhere);
    }

    /// <summary>Finding 8: what carries records is immutable, so a call within the silo copies nothing.</summary>
    [Fact]
    public async Task What_carries_records_to_entities_is_not_copied()
    {
        await using EntityCluster cluster = await EntityCluster.StartAsync(Transactions.Catalog(), silos: 1);
        var batch = new EntityBatch(1, -1, new byte[100]);
        cluster.Of<DeepCopier>(0).Copy(batch).ShouldBeSameAs(batch);
    }

    /// <summary>Finding 4: a partition that resumed where it was when it was packed up would go on behind records that no checkpoint has. No grain that follows the plan takes anything along.</summary>
    [Fact]
    public void No_grain_of_a_partition_takes_its_position_along_when_it_moves()
    {
        Type[] followers = [.. typeof(PartitionGrain).Assembly.GetTypes().Where(type => type.IsDefined(typeof(ByPartitionAttribute), inherit: true))];
        followers.ShouldContain(typeof(PartitionGrain));
        followers.ShouldContain(typeof(EntityGrain));
        followers.ShouldAllBe(type => !typeof(IGrainMigrationParticipant).IsAssignableFrom(type));
    }

    /// <summary>Pushes small batches one after the other, each again and again until it is acknowledged, as a client that does not know what became of it.</summary>
    private static async Task<List<Push>> LoadAsync(IEntityHost entry, CancellationToken stop)
    {
        var acknowledged = new List<Push>();
        using var pace = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
        for (int turn = 0; !stop.IsCancellationRequested; turn++)
        {
            await pace.WaitForNextTickAsync(CancellationToken.None);
            Push[] events = Transactions.Many(seed: turn, count: 20, first: 20 * turn);
            await entry.AppendAsync(events);
            acknowledged.AddRange(events);
        }

        return acknowledged;
    }

    private static async Task ShouldCountOnceAsync(EntityCluster cluster, IReadOnlyList<Push> pushed)
    {
        await cluster[0].WaitAllAppliedAsync();
        foreach (IGrouping<string, Push> customer in pushed.GroupBy(push => push.Fields[2].Text))
        {
            var read = await cluster[0].ReadAsync("customer", customer.Key, Transactions.At(3_599));
            read["count"].Scalar.ShouldBe(Value.Of((long)customer.Count()), customer.Key);
            read["sum"].Scalar.ShouldBe(Value.Of(customer.Sum(push => push.Fields[4].Double)), customer.Key);
        }
    }
}
