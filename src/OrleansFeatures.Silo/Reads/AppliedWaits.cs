using OrleansFeatures.Entities;
using OrleansFeatures.Log;
using OrleansFeatures.Silo.Grains;
using OrleansFeatures.Silo.Placement;

namespace OrleansFeatures.Silo.Reads;

/// <summary>Waits until some silo has applied an offset: asks the partition's owner, whoever that is, until it has.</summary>
internal sealed class AppliedWaits(PartitionPlans plans, PartitionHomes homes, ClusterPositions positions, SiloReadsClient silos, ILocalSiloDetails silo, TimeProvider time)
{
    /// <exception cref="OperationCanceledException">Not within the caller's patience.</exception>
    public async Task WaitAsync(PartitionOffset position, CancellationToken cancellationToken)
    {
        // What any owner has applied, a read finds with every later one: it answers only once it has come as far as the one before.
        while (!IsApplied(position))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (plans.SiloOf(position.Partition) is not { } owner)
            {
                await Task.Delay(Limits.KeepEagerly, time, cancellationToken);
            }
            else if (owner.Equals(silo.SiloAddress))
            {
                await WaitHereAsync(position, cancellationToken);
            }
            else if (await AskAsync(owner, position, cancellationToken) is { } applied && applied >= position.Offset.Value)
            {
                return;
            }
        }
    }

    private bool IsApplied(PartitionOffset position) =>
        (positions.Of(position.Partition) is { } known && known.Applied >= position.Offset.Value)
        || (homes.Find(position.Partition) is { } home && home.Ownership.Applied.Value >= position.Offset.Value);

    private async Task WaitHereAsync(PartitionOffset position, CancellationToken cancellationToken)
    {
        // For a moment only: the plan may want it elsewhere by then.
        using var timer = new CancellationTokenSource(Limits.OwnerWaitMax, time);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timer.Token);
        if (await homes.WaitAsync(position.Partition, 0, patience.Token) is { } home)
        {
            await home.Ownership.ReachedAsync(position.Offset, cancellationToken);
        }
    }

    private async Task<long?> AskAsync(SiloAddress owner, PartitionOffset position, CancellationToken cancellationToken)
    {
        try
        {
            if (await silos.Of(owner).WaitAppliedAsync(position.Partition.Value, position.Offset.Value).AsTask().WaitAsync(Limits.SiloCallMax, time, cancellationToken) is { } applied)
            {
                return applied;
            }
        }
        catch (Exception failure) when (failure is OrleansException or TimeoutException)
        {
            // It has gone, or hangs: the plan will name another.
        }

        await Task.Delay(Limits.KeepEagerly, time, cancellationToken);
        return null;
    }
}
