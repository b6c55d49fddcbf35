using OrleansFeatures.Conformance;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities;
using OrleansFeatures.Log;
using OrleansFeatures.Silo.Grains;
using OrleansFeatures.Silo.Placement;
using OrleansFeatures.Silo.Tests.Kit;

namespace OrleansFeatures.Silo.Tests.Grains;

/// <summary>An entity that is in memory without some of its records, or not at all, has them all again before anybody reads or saves it.</summary>
public sealed class HealingTests
{
    private static readonly EntityAddress Ann = new("customer", HostCalls.KeyOf("ann"));

    [Fact]
    public async Task A_cold_entity_heals_when_its_next_record_comes()
    {
        await using EntityCluster cluster = await StartAsync();
        await PushAsync(cluster, 0, 20);
        LoseAnn(cluster);
        await PushAsync(cluster, 20, 10);
        await ShouldCountAsync(cluster, 30);
        cluster.OfAll<SiloMetrics>().Sum(metrics => metrics.EntitiesHealed).ShouldBe(1);
    }

    [Fact]
    public async Task A_cold_entity_heals_when_it_is_read()
    {
        await using EntityCluster cluster = await StartAsync();
        await PushAsync(cluster, 0, 20);
        await CheckpointAsync(cluster);
        await PushAsync(cluster, 20, 5);
        LoseAnn(cluster);
        await ShouldCountAsync(cluster, 25);
        cluster.OfAll<SiloMetrics>().Sum(metrics => metrics.EntitiesHealed).ShouldBe(1, "from its row, and the log behind it");
    }

    [Fact]
    public async Task A_cold_entity_heals_when_it_is_to_be_saved_and_nothing_of_it_is_lost_with_the_silo()
    {
        await using EntityCluster cluster = await StartAsync();
        await PushAsync(cluster, 0, 20);
        LoseAnn(cluster);
        await CheckpointAsync(cluster);
        cluster.OfAll<SiloMetrics>().Sum(metrics => metrics.EntitiesHealed).ShouldBe(1);
        LoseAnn(cluster);
        await ShouldCountAsync(cluster, 20);
        cluster.OfAll<SiloMetrics>().Sum(metrics => metrics.EntitiesHealed).ShouldBe(1, "its row has all of it");
    }

    [Fact]
    public async Task An_entity_whose_grain_is_collected_stays_until_a_checkpoint_has_it_and_comes_back_from_its_row()
    {
        await using EntityCluster cluster = await StartAsync();
        await PushAsync(cluster, 0, 20);
        GrainId grain = cluster.Of<IGrainFactory>(0).GetGrain<IEntityGrain>(Ann.ToGrainKey()).GetGrainId();
        await cluster.Cluster.DeactivateAsync(grain);
        PartitionHome home = HomeOfAnn(cluster);
        IsResident(home).ShouldBeTrue("no checkpoint holds what it knows");
        await PushAsync(cluster, 20, 1);
        await cluster.Cluster.DeactivateAsync(grain);
        await CheckpointAsync(cluster);
        IsResident(home).ShouldBeFalse("its row has all of it");
        await ShouldCountAsync(cluster, 21);
        IsResident(home).ShouldBeTrue();
        cluster.OfAll<SiloMetrics>().Sum(metrics => metrics.EntitiesHealed).ShouldBe(0);
    }

    private static Task<EntityCluster> StartAsync() => EntityCluster.StartAsync(Transactions.Catalog(terminals: false), silos: 2, options: given => given with { CheckpointEvery = TimeSpan.FromHours(1) });

    private static Task PushAsync(EntityCluster cluster, int first, int count) =>
        cluster[0].PushAsync([.. Enumerable.Range(first, count).Select(id => Transactions.Insert(id, id, "ann", "t", 1))]);

    private static async Task CheckpointAsync(EntityCluster cluster) => await cluster[0].CheckpointAsync(Eventually.Token);

    private static async Task ShouldCountAsync(EntityCluster cluster, long count)
    {
        (await cluster[0].ReadAsync("customer", "ann", Transactions.At(1_000)))["count"].Scalar.ShouldBe(Value.Of(count));
        (await cluster[1].ReadAsync("customer", "ann", Transactions.At(1_000)))["count"].Scalar.ShouldBe(Value.Of(count));
    }

    private static PartitionHome HomeOfAnn(EntityCluster cluster) => cluster.HomeOf(Ann.PartitionOf(cluster[0].Partitions))!;

    private static bool IsResident(PartitionHome home)
    {
        using Lock.Scope turn = home.Enter();
        return home.Find_NeedsLock(new EntitySpan(Ann.TypeId, Ann.Key.Span)) is not null;
    }

    /// <summary>As if the memory of it had been lost: the home has an entity of that name without any records.</summary>
    private static void LoseAnn(EntityCluster cluster)
    {
        PartitionHome home = HomeOfAnn(cluster);
        using Lock.Scope turn = home.Enter();
        Resident lost = home.Put_NeedsLock(new EntityName(Ann.TypeId, Ann.Key.ToArray()), null);
        home.Remove_NeedsLock(lost);
    }
}
