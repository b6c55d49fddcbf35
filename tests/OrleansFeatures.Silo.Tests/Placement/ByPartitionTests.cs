using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Configuration;
using Orleans.Metadata;
using Orleans.Placement;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Log;
using OrleansFeatures.Silo.Placement;
using OrleansFeatures.Silo.Tests.Hazards;
using OrleansFeatures.Silo.Tests.Kit;
using OrleansFeatures.Silo.Tests.Streams;

namespace OrleansFeatures.Silo.Tests.Placement;

public sealed class ByPartitionTests
{
    [Fact]
    public async Task Entities_live_in_the_silo_of_their_partition()
    {
        await using StreamCluster cluster = await Probes(3);
        foreach (EntityAddress address in Addresses(300))
        {
            (SiloAddress silo, _) = await cluster.Cluster.Client.GetGrain<IProbeGrain>(address.ToGrainKey()).WhereAsync();
            silo.ShouldBe(cluster.PlannedSilo(PartitionOf(address).Value));
        }
    }

    [Theory]
    [InlineData("no entity")]
    [InlineData("default/customer")]
    [InlineData("default/customer/%41")]
    public async Task A_key_that_names_no_entity_is_refused_with_the_reason(string key)
    {
        await using StreamCluster cluster = await Probes(1);
        Exception refusal = await Should.ThrowAsync<Exception>(() => cluster.Cluster.Client.GetGrain<IProbeGrain>(key).WhereAsync());
        refusal.ToString().ShouldContain($"'{key}'");
    }

    [Fact]
    public async Task A_partition_that_the_log_does_not_have_is_refused_with_the_reason()
    {
        await using StreamCluster cluster = await Probes(1);
        Exception refusal = await Should.ThrowAsync<Exception>(() => cluster.Cluster.Client.GetGrain<ITailGrain>(StreamCluster.Partitions).SiloAsync());
        refusal.ToString().ShouldContain($"partitions 0 to {StreamCluster.Partitions - 1}");
    }

    [Fact]
    public async Task The_attribute_marks_the_class_as_immovable_for_rebalancer_and_repartitioner()
    {
        await using StreamCluster cluster = await Probes(1);
        SiloAddress silo = cluster.Silos.Single();
        GrainType type = cluster.Cluster.Client.GetGrain<IProbeGrain>("default/customer/1").GetGrainId().Type;
        GrainProperties properties = cluster.Service<IClusterManifestProvider>(silo).LocalGrainManifest.Grains[type];
        properties.Properties[WellKnownGrainTypeProperties.Immovable].ShouldBe(((byte)ImmovableKind.Any).ToString(CultureInfo.InvariantCulture));
        properties.Properties[WellKnownGrainTypeProperties.PlacementStrategy].ShouldBe(nameof(ByPartitionStrategy));
    }

    /// <summary>
    /// Finding 4: a migrated partition must not be resumed at a position that it took along. Grains by partition take nothing along (none is a migration participant), and a migration does not take them
    /// anywhere but to the silo of the plan, where they begin as any activation: from what is durable.
    /// </summary>
    [Fact]
    public async Task A_migration_leads_to_the_silo_of_the_plan_wherever_its_hint_points()
    {
        await using StreamCluster cluster = await Probes(3);
        foreach (EntityAddress address in Addresses(20))
        {
            IProbeGrain probe = cluster.Cluster.Client.GetGrain<IProbeGrain>(address.ToGrainKey());
            (SiloAddress home, Guid before) = await probe.WhereAsync();
            Task left = cluster.Cluster.WaitForDeactivationAsync(probe);
            await probe.MigrateAsync(cluster.Silos.First(silo => !silo.Equals(home)));
            await Eventually.Ends(left, "the old activation");
            (SiloAddress silo, Guid after) = await probe.WhereAsync();
            silo.ShouldBe(home);
            after.ShouldNotBe(before);
        }
    }

    /// <summary>The rebalancer evens out how many activations silos have; those with a partition are none of its business.</summary>
    [Fact]
    public async Task The_rebalancer_moves_grains_without_a_partition_and_no_others()
    {
        await using StreamCluster cluster = await Probes(1, silo =>
        {
            // Its own pace is minutes.
            silo.Configure<DeploymentLoadPublisherOptions>(options => options.DeploymentLoadPublisherRefreshTime = TimeSpan.FromMilliseconds(500));
            silo.Configure<ActivationRebalancerOptions>(options =>
            {
                options.RebalancerDueTime = TimeSpan.FromSeconds(1);
                options.SessionCyclePeriod = TimeSpan.FromSeconds(1);
            });
        });
        EntityAddress[] addresses = Addresses(400);
        var before = new Dictionary<EntityAddress, Guid>();
        foreach (EntityAddress address in addresses)
        {
            before[address] = (await cluster.Cluster.Client.GetGrain<IProbeGrain>(address.ToGrainKey()).WhereAsync()).Activation;
        }

        IFreeGrain[] free = [.. Enumerable.Range(0, 400).Select(number => cluster.Cluster.Client.GetGrain<IFreeGrain>(number))];
        foreach (IFreeGrain grain in free)
        {
            await grain.WhereAsync();
        }

        SiloAddress second = (await cluster.Cluster.StartAdditionalSiloAsync()).SiloAddress;
        await cluster.AgreeAsync();
        await Eventually.Is(
            async () => (await Task.WhenAll(free.Select(grain => grain.WhereAsync()))).Contains(second), () => $"the rebalancer has moved a grain without a partition; {cluster.Describe()}");
        foreach (EntityAddress address in addresses)
        {
            (await cluster.Cluster.Client.GetGrain<IProbeGrain>(address.ToGrainKey()).WhereAsync()).Activation.ShouldBe(before[address], "only code of its own would move it");
        }
    }

    private static Task<StreamCluster> Probes(short silos, Action<ISiloBuilder>? configure = null) => StreamCluster.StartAsync(silos, silo =>
    {
        silo.Services.AddSingleton<Hanging>();
        configure?.Invoke(silo);
    });

    private static EntityAddress[] Addresses(int count) =>
        [.. Enumerable.Range(0, count).Select(number => new EntityAddress("customer", System.Text.Encoding.UTF8.GetBytes($"no/{number}")))];

    private static PartitionId PartitionOf(EntityAddress address) => address.PartitionOf(new PartitionMap(StreamCluster.Partitions));
}
