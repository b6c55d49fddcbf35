using System.Globalization;
using Orleans.Metadata;
using Orleans.Placement;
using Orleans.Runtime.Placement;
using OrleansFeatures.Log;

namespace OrleansFeatures.Silo.Placement;

/// <summary>
/// Marks a grain class whose activations live in the silo of their partition: grains with an integer key, which is the partition's number, and grains whose key is an <see cref="EntityAddress"/>.
/// Nothing but the partition plan moves them.
/// </summary>
/// <remarks>
/// Orleans has two parts that move activations by themselves: the rebalancer (evens out how many activations silos have) and the repartitioner (brings grains to those they talk to). Both ask whether a
/// grain's class carries the property that <see cref="ImmovableAttribute"/> sets, and leave it where it is if so; <c>ISiloControl.MigrateRandomActivations</c> does too. The attribute sets that property
/// itself, so that no grain can have the one and forget the other. What is left for the rebalancer are the grains without a partition. A migration that is asked for by code comes with a hint of a silo;
/// the director does not look at it.
/// </remarks>
[AttributeUsage(AttributeTargets.Class)]
public sealed class ByPartitionAttribute() : PlacementAttribute(new ByPartitionStrategy())
{
    public override void Populate(IServiceProvider services, Type grainClass, GrainType grainType, Dictionary<string, string> properties)
    {
        base.Populate(services, grainClass, grainType, properties);
        properties[WellKnownGrainTypeProperties.Immovable] = ((byte)ImmovableKind.Any).ToString(CultureInfo.InvariantCulture);
    }
}

/// <summary>The name under which <see cref="ByPartitionDirector"/> is found. It has no state.</summary>
[GenerateSerializer, Immutable, SuppressReferenceTracking]
public sealed class ByPartitionStrategy : PlacementStrategy;

/// <summary>
/// Places a grain in the silo that the plan gives its partition. Where that one cannot take it (it has just left, or runs a build that does not know the grain), in the one that the partition
/// likes best among those that can: the grain finds out by itself that it is not where the plan wants it.
/// </summary>
internal sealed class ByPartitionDirector(PartitionPlans plans) : IPlacementDirector
{
    public Task<SiloAddress> OnAddActivation(PlacementStrategy strategy, PlacementTarget target, IPlacementContext context)
    {
        SiloAddress[] compatible = context.GetCompatibleSilos(target);
        PartitionId partition = PartitionOf(target.GrainIdentity);
        SiloAddress? planned = plans.SiloOf(partition);
        SiloAddress? silo = planned is not null && compatible.Contains(planned) ? planned : PartitionPlan.Rendezvous(partition, compatible);
        return silo is null
            ? throw new OrleansException($"no silo can take {target.GrainIdentity}: none of those that are active has its class; run at least one silo of a build that does")
            : Task.FromResult(silo);
    }

    private PartitionId PartitionOf(GrainId grain)
    {
        // An entity's key has slashes, a number has none.
        if (!grain.TryGetIntegerKey(out long number, out _))
        {
            return EntityAddress.Parse(grain.Key.ToString()).PartitionOf(plans.Map);
        }

        return number >= 0 && number < plans.Map.Count
            ? new PartitionId((int)number)
            : throw new OrleansException($"{grain} names partition {number}, but the log has partitions 0 to {plans.Map.Count - 1}");
    }
}
