using Microsoft.Extensions.Logging;
using OrleansFeatures.Log;
using OrleansFeatures.Postgres.Log;
using OrleansFeatures.Postgres.States;

namespace OrleansFeatures.Silo.Grains;

/// <summary>How this silo comes to own a partition: raises its epoch in PostgreSQL, so that whoever owned it can write nothing any more, and opens a home for what it will apply.</summary>
internal sealed class PartitionClaims(
    PartitionHomes homes, ClusterStore store, EntityDelivery delivery, IGrainFactory grains, ILocalSiloDetails silo, ClusterHostOptions options, TimeProvider time, SiloMetrics metrics,
    ILogger<PartitionHome> logger)
{
    private readonly EntityStates _states = store.States;
    private readonly PostgresLog _log = store.Log;

    public TimeSpan CheckpointEvery => options.CheckpointEvery;

    /// <summary>Of the definitions that this silo goes by.</summary>
    public long Generation => store.Definitions.Current.Generation;

    /// <exception cref="FencedException">States of newer definitions exist, which this silo has not taken up yet.</exception>
    /// <exception cref="StatesException">PostgreSQL failed.</exception>
    /// <exception cref="LogException">The same.</exception>
    public async Task<OwnedPartition> ClaimAsync(PartitionId partition)
    {
        ClusterDefinitions live = store.Definitions.Current;
        PartitionClaim claim = await _states.AcquireAsync(partition, silo.SiloAddress.ToString(), live.Generation, CancellationToken.None);

        // Behind the claim: whatever the owner before could still show, it had read by then.
        LogOffset durable = await _log.DurableOffsetNowAsync(partition, CancellationToken.None);
        IReadOnlyDictionary<uint, long> floors = await store.FloorsAsync(CancellationToken.None);
        var home = new PartitionHome(new Ownership(claim, durable, time), live, options.EntityBudgetBytes, floors, logger);
        homes.Open(home);
        CountAsync(home).Ignore();
        logger.Claimed(partition.Value, claim.Epoch, claim.Generation, claim.Applied.Value, durable.Value);
        var checkpoints = new CheckpointWriter(home, homes, _states, grains, time, metrics, logger);
        return new OwnedPartition(home, homes, new PartitionOwner(home, _log, grains, delivery, checkpoints, metrics, logger), checkpoints, durable, time, logger);
    }

    /// <summary>How many entities it has, for operators. Behind the claim: it may take as long as they are many.</summary>
    private async Task CountAsync(PartitionHome home)
    {
        try
        {
            home.SavedAtClaim = await StoredBytes.EntitiesAsync(store.Postgres, home.Ownership.Claim.Generation, home.Partition, CancellationToken.None);
        }
        catch (LogUnavailableException)
        {
            // Those in memory are counted all the same.
        }
    }
}

/// <summary>A partition that this silo owns, and what is at work on it.</summary>
internal sealed class OwnedPartition(PartitionHome home, PartitionHomes homes, PartitionOwner owner, CheckpointWriter checkpoints, LogOffset durableAtClaim, TimeProvider time, ILogger logger)
{
    public PartitionHome Home => home;

    public PartitionOwner Owner => owner;

    public CheckpointWriter Checkpoints => checkpoints;

    /// <summary>Reads are answered once this has been applied.</summary>
    public LogOffset DurableAtClaim => durableAtClaim;

    /// <summary>Stops, takes a last checkpoint, and only then gives the partition up: reads are answered until the next owner may begin.</summary>
    public async Task ReleaseAsync()
    {
        await owner.StopAsync();
        using var patience = new CancellationTokenSource(Limits.LastCheckpointMax, time);
        try
        {
            await checkpoints.TakeAsync(patience.Token);
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested)
        {
            // The next owner reads from the checkpoint before.
        }

        logger.Released(home.Partition.Value, home.Ownership.Applied.Value, home.Checkpoint.Value);
        homes.Close(home);
    }

    /// <summary>Ends it as it is.</summary>
    public void End()
    {
        owner.StopAsync().Ignore();
        homes.Close(home);
    }
}
