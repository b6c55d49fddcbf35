using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using OrleansFeatures.Log;
using OrleansFeatures.Postgres.States;
using OrleansFeatures.Silo.Placement;
using OrleansFeatures.Silo.Reads;

namespace OrleansFeatures.Silo.Grains;

/// <summary>
/// Sees to it that this silo's partitions, by the plan, are owned here and get on, and that those which have moved away leave:
/// <code>
///   on every change of plan or definitions, and once a second
///     planned here .......... PartitionGrain.Ensure: claims, or leaves the silo where it still is, checkpoint first
///     owned, not planned .... PartitionGrain.Release
///     stands still .......... PartitionGrain.CatchUp: its deliveries are missed
///   once a second ........... do all claims stand?
///   ten times a second ...... how far are all partitions of the cluster?
///   once a minute ........... is the grain at work that lets go of old history?
/// </code>
/// Starts when the silo has become active. Before it leaves the membership, it has all partitions take a checkpoint, so that the last one, with which they move, is a small one.
/// </summary>
internal sealed class PartitionKeeper(
    PartitionHomes homes, PartitionPlans plans, ClusterStore store, ClusterPositions positions, StreamTimes streamTimes, RoutedPresence presence, SiloMemory memory, IGrainFactory grains, ILocalSiloDetails silo, TimeProvider time, ILogger<PartitionKeeper> logger)
    : ILifecycleParticipant<ISiloLifecycle>
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Dictionary<PartitionId, (LogOffset Applied, long Since)> _stood = [];
    private readonly ConcurrentDictionary<(PartitionId, Urgency), bool> _calling = new();
    private Task _loops = Task.CompletedTask;

    public void Participate(ISiloLifecycle lifecycle) => lifecycle.Subscribe(nameof(PartitionKeeper), ServiceLifecycleStage.Active, StartAsync, StopAsync);

    /// <summary>Checkpoints of everything that this silo's partitions have applied.</summary>
    public async Task DrainAsync(CancellationToken cancellationToken)
    {
        PartitionHome[] owned = [.. homes.All];
        await Task.WhenAll(owned.Select(home => CaughtUpAsync(home, cancellationToken)));
        Task checkpoints = Task.WhenAll(owned.Select(home => grains.GetGrain<IPartitionGrain>(home.Partition.Value).CheckpointAsync()));
        await checkpoints.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        logger.Drained(owned.Length);
    }

    private Task StartAsync(CancellationToken cancellationToken)
    {
        positions.Heard = streamTimes.Tell;
        store.Presence.AnswerBy(presence.AskAsync);
        _loops = Task.WhenAll(
            Task.Run(() => streamTimes.FollowAsync(_stop.Token), CancellationToken.None),
            LoopAsync(KeepAsync, () => IsSettled ? Limits.KeepEvery : Limits.KeepEagerly),
            LoopAsync(ConfirmAsync, () => Limits.ConfirmEvery),
            LoopAsync(RefreshAsync, () => Limits.DefinitionsEvery),
            LoopAsync(RetainAsync, () => Limits.RetentionEvery),
            LoopAsync(_ => positions.AskAsync(), () => Limits.PositionsEvery));
        return Task.CompletedTask;
    }

    private async Task StopAsync(CancellationToken cancellationToken)
    {
        await DrainAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _stop.CancelAsync();
        await _loops.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>What was delivered until now has been applied, or it takes longer than the last checkpoint may.</summary>
    private async Task CaughtUpAsync(PartitionHome home, CancellationToken cancellationToken)
    {
        using var timer = new CancellationTokenSource(Limits.LastCheckpointMax, time);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timer.Token);
        await home.Ownership.ReachedAsync(store.Log.DurableOffset(home.Partition), patience.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>Every partition of the plan has its owner here, of the newest definitions.</summary>
    private bool IsSettled => plans.Current.PartitionsOf(silo.SiloAddress).All(partition => homes.Find(partition) is { } home && home.Definitions.Generation == store.Definitions.Current.Generation);

    private async Task LoopAsync(Func<CancellationToken, Task> work, Func<TimeSpan> pause)
    {
        await Task.Yield();
        while (!_stop.IsCancellationRequested)
        {
            PartitionPlan plan = plans.Current;
            try
            {
                await work(_stop.Token);
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception bug)
            {
                // The top of a loop: were it to end, the silo's partitions would stand still without a word.
                logger.KeeperFailed(bug);
            }

            await WaitAsync(plan, pause());
        }
    }

    /// <summary>Until it is time again, or the plan changes.</summary>
    private async Task WaitAsync(PartitionPlan plan, TimeSpan pause)
    {
        using var timer = new CancellationTokenSource(pause, time);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token, timer.Token);
        try
        {
            await plans.WaitForChangeAsync(plan, over.Token);
        }
        catch (OperationCanceledException)
        {
            // It is time, or the silo stops.
        }
    }

    /// <summary>Each partition for itself: one that is long at its last checkpoint keeps no other waiting.</summary>
    private Task KeepAsync(CancellationToken cancellationToken)
    {
        memory.Look();
        PartitionId[] planned = [.. plans.Current.PartitionsOf(silo.SiloAddress)];
        foreach (PartitionId partition in planned)
        {
            CallAsync(partition, Urgency.Life, grain => grain.EnsureAsync()).Ignore();
        }

        foreach (PartitionHome home in homes.All)
        {
            if (planned.Contains(home.Partition))
            {
                UrgeAsync(home).Ignore();
            }
            else
            {
                CallAsync(home.Partition, Urgency.Life, grain => grain.ReleaseAsync()).Ignore();
            }
        }

        return Task.CompletedTask;
    }

    /// <summary>A partition that has stood in one place for <see cref="Limits.KeepEvery"/> while more was durable has missed what its stream delivered.</summary>
    private Task UrgeAsync(PartitionHome home)
    {
        LogOffset applied = home.Ownership.Applied;
        LogOffset durable = store.Log.DurableOffset(home.Partition);
        long now = time.GetTimestamp();
        if (durable.CompareTo(applied) <= 0)
        {
            // It lacks nothing. What comes next is on its way for a moment, and has not been missed by that.
            _stood.Remove(home.Partition);
            return Task.CompletedTask;
        }

        if (!_stood.TryGetValue(home.Partition, out (LogOffset Applied, long Since) stood) || stood.Applied != applied)
        {
            _stood[home.Partition] = (applied, now);
            return Task.CompletedTask;
        }

        if (home.IsAtWork || time.GetElapsedTime(stood.Since, now) < Limits.KeepEvery)
        {
            return Task.CompletedTask;
        }

        _stood[home.Partition] = (applied, now);
        logger.DeliveriesMissed(home.Partition.Value, applied.Value, durable.Value);
        return CallAsync(home.Partition, Urgency.Progress, grain => grain.CatchUpAsync(durable.Value));
    }

    /// <summary>Calls a partition's grain, unless such a call is under way.</summary>
    private async Task CallAsync(PartitionId partition, Urgency urgency, Func<IPartitionGrain, Task> call)
    {
        if (!_calling.TryAdd((partition, urgency), true))
        {
            return;
        }

        try
        {
            await call(grains.GetGrain<IPartitionGrain>(partition.Value)).WaitAsync(Limits.LastCheckpointMax, time, _stop.Token);
        }
        catch (Exception failure) when (failure is OrleansException or TimeoutException or FencedException or StatesException or LogException)
        {
            logger.EnsureFailed(partition.Value, failure.Message);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The silo stops.
        }
        catch (Exception bug)
        {
            // Nobody waits for this call: what went wrong is told here or nowhere, and the next look makes it again.
            logger.KeeperFailed(bug);
        }
        finally
        {
            _calling.TryRemove((partition, urgency), out _);
        }
    }

    /// <summary>What a call to a partition's grain is about.</summary>
    private enum Urgency
    {
        Life = 0,
        Progress = 1,
    }

    /// <summary>The one grain that lets go of old history is at work somewhere.</summary>
    private async Task RetainAsync(CancellationToken cancellationToken)
    {
        try
        {
            await grains.GetGrain<IRetentionGrain>(0).EnsureAsync();
        }
        catch (Exception failure) when (failure is OrleansException or TimeoutException)
        {
            logger.RetentionFailed(failure.Message);
        }
    }

    private async Task ConfirmAsync(CancellationToken cancellationToken)
    {
        PartitionHome[] owned = [.. homes.All];
        if (owned.Length == 0)
        {
            return;
        }

        long askedAt = time.GetTimestamp();
        try
        {
            HashSet<PartitionClaim> stand = [.. await store.States.ConfirmAsync([.. owned.Select(home => home.Ownership.Claim)], cancellationToken)];
            foreach (PartitionHome home in owned)
            {
                if (stand.Contains(home.Ownership.Claim))
                {
                    home.Ownership.Confirm(askedAt);
                }
                else
                {
                    logger.Fenced(home.Partition.Value, home.Ownership.Claim.Epoch, "its claim does not stand any more: another silo owns it, or newer definitions are live");
                    homes.Close(home);
                }
            }
        }
        catch (StatesException failure)
        {
            logger.ConfirmFailed(failure.Message);
        }
    }

    private async Task RefreshAsync(CancellationToken cancellationToken)
    {
        long before = store.Definitions.Current.Generation;
        try
        {
            ClusterDefinitions now = await store.Definitions.RefreshAsync(cancellationToken);
            if (now.Generation != before)
            {
                logger.DefinitionsTaken(now.Generation);
            }
        }
        catch (Exception failure) when (failure is LogException or Gateway.Metadata.MetadataException)
        {
            logger.RefreshFailed(failure.Message);
        }
    }
}
