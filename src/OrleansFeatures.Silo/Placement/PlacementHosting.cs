using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using OrleansFeatures.Entities.Partitions;

namespace OrleansFeatures.Silo.Placement;

/// <summary>Placement by partition, as a silo is built.</summary>
public static class PlacementHosting
{
    /// <summary>
    /// <see cref="PartitionPlans"/>, and the director behind <see cref="ByPartitionAttribute"/>. Wants a <see cref="PartitionMap"/> among the services. May be called more than once.
    /// </summary>
    public static ISiloBuilder AddPlacementByPartition(this ISiloBuilder silo)
    {
        if (silo.Services.Any(service => service.ServiceType == typeof(PartitionPlans)))
        {
            return silo;
        }

        silo.Services.TryAddSingleton<PartitionPlans>();
        return silo.AddPlacementDirector<ByPartitionStrategy, ByPartitionDirector>();
    }
}
