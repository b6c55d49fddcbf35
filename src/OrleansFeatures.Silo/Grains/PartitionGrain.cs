using Microsoft.Extensions.Logging;
using Orleans.Concurrency;
using Orleans.Streams;
using Orleans.Streams.Core;
using OrleansFeatures.Log;
using OrleansFeatures.Postgres.States;
using OrleansFeatures.Silo.Placement;
using OrleansFeatures.Silo.Streams;

namespace OrleansFeatures.Silo.Grains;

/// <summary>
/// The life of a partition in a silo; what it does with records is <see cref="PartitionOwner"/>'s.
/// <code>
///   activated ──claim──> owner ──plan moves, definitions change, silo stops──> last checkpoint ──> gone
///                          └───────────── fenced: another has claimed it ──────────────────────────┘
/// </code>
/// Reentrant: a checkpoint is written, and its keeper is answered, while a batch is delivered. What must not overlap (claims and releases; the records themselves) has a semaphore of its own.
/// </summary>
[ImplicitStreamSubscription(LogStream.Name)]
[ByPartition]
[Reentrant]
internal sealed class PartitionGrain(PartitionClaims claims, PartitionPlans plans, ILocalSiloDetails silo, TimeProvider time, ILogger<PartitionGrain> logger)
    : Grain, IPartitionGrain, IStreamSubscriptionObserver, IAsyncBatchObserver<LogBatch>
{
    private readonly SemaphoreSlim _life = new(1, 1);
    private OwnedPartition? _owned;
    private bool _isLeaving;

    private PartitionId Partition => new((int)this.GetPrimaryKeyLong());

    /// <summary>What it owns now.</summary>
    private OwnedPartition? Owned => _owned is { Home.Ownership.IsOver: false } owned ? owned : null;

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        // Partitions of a silo take their checkpoints one after the other, and not all at once.
        TimeSpan every = claims.CheckpointEvery;
        TimeSpan first = every * ((Partition.Value % 64) + 1) / 64;
        this.RegisterGrainTimer(async (_, cancel) => await CheckpointAsync(), (object?)null, new GrainTimerCreationOptions(first, every) { Interleave = true });
        return Task.CompletedTask;
    }

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken) => EndAsync();

    public async Task EnsureAsync()
    {
        if (!IsPlannedHere)
        {
            await ReleaseAsync();
            return;
        }

        await _life.WaitAsync();
        try
        {
            if (!_isLeaving && (Owned is not { } owned || owned.Home.Definitions.Generation < claims.Generation))
            {
                _owned?.End();
                _owned = await claims.ClaimAsync(Partition);
                CatchUpBehindAsync(_owned).Ignore();
            }
        }
        finally
        {
            _life.Release();
        }
    }

    public async Task CatchUpAsync(long through)
    {
        if (Owned is { } owned)
        {
            await TryAsync(owned, () => owned.Owner.CatchUpAsync(new LogOffset(through)));
        }
    }

    public async Task<bool> CheckpointAsync() => Owned is { } owned && await owned.Checkpoints.TakeAsync(CancellationToken.None);

    public async Task ReleaseAsync()
    {
        await EndAsync();
        this.Leave(IsPlannedHere);
    }

    public Task OnSubscribed(IStreamSubscriptionHandleFactory handleFactory) => handleFactory.Create<LogBatch>().ResumeAsync(this);

    /// <summary>Batches of the partition's stream. What cannot be taken now is read from the log later, so the stream is never told of a failure, and never held up for longer than <see cref="Limits.DeliveryPatience"/>.</summary>
    public async Task OnNextAsync(IList<SequentialItem<LogBatch>> items)
    {
        if (Owned is null && IsPlannedHere && !_isLeaving)
        {
            await EnsureAsync();
        }

        foreach (SequentialItem<LogBatch> item in items)
        {
            if (Owned is { } owned)
            {
                await TryAsync(owned, () => owned.Owner.TakeAsync(item.Item).WaitAsync(Limits.DeliveryPatience, time));
            }
        }
    }

    public Task OnErrorAsync(Exception ex)
    {
        logger.StreamFailed(Partition.Value, ex.Message);
        return Task.CompletedTask;
    }

    private bool IsPlannedHere => plans.SiloOf(Partition) is { } planned && planned.Equals(silo.SiloAddress);

    /// <summary>Behind the claim, and not in it: it may take as long as the log is.</summary>
    private async Task CatchUpBehindAsync(OwnedPartition owned) => await TryAsync(owned, () => owned.Owner.CatchUpAsync(owned.DurableAtClaim));

    /// <summary>What fails here is tried again by the keeper, which sees that the position stands still.</summary>
    private async Task TryAsync(OwnedPartition owned, Func<Task> work)
    {
        try
        {
            await work();
        }
        catch (OperationCanceledException)
        {
            // It was stopped: released, or fenced.
        }
        catch (TimeoutException)
        {
            logger.DeliverySlow(Partition.Value, owned.Home.Ownership.Applied.Value);
        }
        catch (Exception failure) when (failure is LogException or StatesException)
        {
            logger.PartitionStands(Partition.Value, owned.Home.Ownership.Applied.Value, failure.Message);
        }
    }

    private async Task EndAsync()
    {
        _isLeaving = true;
        await _life.WaitAsync();
        try
        {
            if (Owned is { } owned)
            {
                await owned.ReleaseAsync();
            }

            _owned = null;
        }
        finally
        {
            _life.Release();
        }
    }
}
