using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Orleans.Configuration;
using OrleansFeatures.Entities.Partitions;

namespace OrleansFeatures.Silo.Placement;

/// <summary>Placement by partition, as a silo is built.</summary>
public static class PlacementHosting
{
    /// <summary>
    /// <see cref="PartitionPlans"/>, the director behind <see cref="ByPartitionAttribute"/>, the directory in which grains are found, and the activation rebalancer for grains without a partition. Wants a
    /// <see cref="PartitionMap"/> among the services. May be called more than once.
    /// </summary>
    /// <remarks>
    /// <para>The default directory keeps an entry in one silo only, and deactivates healthy grains everywhere when that silo leaves. The distributed one hands its ranges over, and asks all silos for what they
    /// have when a range was lost with its silo.</para>
    /// <para>By default a lost range takes no new entries for 30 s, so that a silo that was declared dead and is not has time to notice: partitions would stand still for as long. Ours need no such lease, because
    /// PostgreSQL decides who owns a partition: whoever acquires it raises its epoch, and what a silo with an older epoch writes is refused (dotnet/orleans calls the option RangeLeaseDuration).</para>
    /// </remarks>
    public static ISiloBuilder AddPlacementByPartition(this ISiloBuilder silo)
    {
        if (silo.Services.Any(service => service.ServiceType == typeof(PartitionPlans)))
        {
            return silo;
        }

        silo.Services.TryAddSingleton<PartitionPlans>();
        silo.Configure<GrainDirectoryOptions>(options => options.RangeLeaseDuration = TimeSpan.Zero);
#pragma warning disable ORLEANSEXP002, ORLEANSEXP003 // Evaluation only: both parts may change with a version of Orleans; the tests of hazards say what we rely on.
        silo.AddDistributedGrainDirectory();
        silo.AddActivationRebalancer();
#pragma warning restore ORLEANSEXP002, ORLEANSEXP003
        return silo.AddPlacementDirector<ByPartitionStrategy, ByPartitionDirector>();
    }
}
