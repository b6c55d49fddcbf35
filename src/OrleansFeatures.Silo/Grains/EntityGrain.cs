using OrleansFeatures.Log;
using OrleansFeatures.Silo.Placement;

namespace OrleansFeatures.Silo.Grains;

/// <summary>See <see cref="IEntityGrain"/>. Not reentrant: one batch, or one wake, at a time.</summary>
[ByPartition]
internal sealed class EntityGrain(PartitionHomes homes, PartitionPlans plans, EntityLoading loading, ILocalSiloDetails silo, TimeProvider time, SiloMetrics metrics) : Grain, IEntityGrain
{
    private EntityName _name;
    private PartitionId _partition;
    private PartitionHome? _home;
    private Resident? _resident;

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        EntityAddress address = EntityAddress.Parse(this.GetPrimaryKeyString());
        (_name, _partition) = (new EntityName(address.TypeId, address.Key.ToArray()), address.PartitionOf(plans.Map));
        return Task.CompletedTask;
    }

    public async Task<EntityReply> ApplyAsync(EntityBatch batch)
    {
        if (homes.Find(_partition, batch.Epoch) is { } home && await EnterAsync(home, batch.Previous) is { } resident && home.Apply(resident, batch.Frames))
        {
            metrics.DeliveredHere();
            return EntityReply.Done;
        }

        metrics.DeliveredElsewhere();
        return Leave();
    }

    public async Task<EntityReply> WakeAsync(long epoch) =>
        homes.Find(_partition, epoch) is { } home && await EnterAsync(home, previous: -1) is not null ? EntityReply.Done : Leave();

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        if (_resident is { } resident)
        {
            _home!.Leave(resident, GrainContext);
        }

        return Task.CompletedTask;
    }

    private EntityReply Leave()
    {
        this.Leave(plans.SiloOf(_partition) is { } planned && planned.Equals(silo.SiloAddress));
        return EntityReply.NotHere;
    }

    /// <summary>Takes its place in the home, complete. Null where the home has ended.</summary>
    private async Task<Resident?> EnterAsync(PartitionHome home, long previous)
    {
        Resident? resident = await loading.EnsureAsync(home, _name, previous, CancellationToken.None);
        if (resident is not null)
        {
            using Lock.Scope turn = home.Enter();
            (resident.Grain, resident.TouchedAt) = (GrainContext, time.GetTimestamp());
        }

        (_home, _resident) = (home, resident);
        return resident;
    }
}
