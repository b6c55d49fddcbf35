using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Log;

namespace OrleansFeatures.Silo.Placement;

/// <summary>
/// The partition plan that goes with the cluster's members as this silo knows them: those that are Active, and no others. A silo that begins to shut down is out of it at once, so its partitions are
/// called for elsewhere while it still checkpoints them. Any thread may ask.
/// </summary>
/// <remarks>
/// Silos learn of a change one after the other; until all have, two may hold different plans, and an entity may be asked for in two places. That is what epochs are for: a plan says who should own a
/// partition, and PostgreSQL who does.
/// </remarks>
public sealed class PartitionPlans(PartitionMap map, IClusterMembershipService membership)
{
    private readonly Lock _gate = new();
    private MembershipVersion _version = MembershipVersion.MinValue;
    private volatile PartitionPlan _current = PartitionPlan.Unknown;

    /// <summary>Today's plan. <see cref="PartitionPlan.Unknown"/> before any silo is known to be active, so also in the first silo until it is. The same object as long as the same silos are active.</summary>
    public PartitionPlan Current => PlanOf(membership.CurrentSnapshot);

    public PartitionMap Map => map;

    /// <summary>The partition's silo by today's plan; null before any silo is known to be active.</summary>
    public SiloAddress? SiloOf(PartitionId partition) => Current.SiloOf(partition);

    /// <summary>Completes with today's plan once that is another than <paramref name="seen"/>; at once if it is.</summary>
    public async ValueTask<PartitionPlan> WaitForChangeAsync(PartitionPlan seen, CancellationToken ct)
    {
        // The enumeration begins with the members of today, and ends only by the token or with the silo.
        await foreach (ClusterMembershipSnapshot snapshot in membership.MembershipUpdates.WithCancellation(ct))
        {
            PartitionPlan plan = PlanOf(snapshot);
            if (!ReferenceEquals(plan, seen))
            {
                return plan;
            }
        }

        throw new OperationCanceledException("the silo has stopped; its partition plan changes no more");
    }

    private PartitionPlan PlanOf(ClusterMembershipSnapshot snapshot)
    {
        lock (_gate)
        {
            // Whoever comes late with an older snapshot gets the newer plan.
            if (snapshot.Version > _version)
            {
                _version = snapshot.Version;
                SiloAddress[] active = [.. snapshot.Members.Values.Where(member => member.Status == SiloStatus.Active).Select(member => member.SiloAddress).Order()];
                if (!_current.Silos.SequenceEqual(active))
                {
                    _current = PartitionPlan.Of(active, map.Count);
                }
            }

            return _current;
        }
    }
}
