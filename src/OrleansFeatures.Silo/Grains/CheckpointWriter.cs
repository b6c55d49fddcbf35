using Microsoft.Extensions.Logging;
using OrleansFeatures.Log;
using OrleansFeatures.Postgres.States;

namespace OrleansFeatures.Silo.Grains;

/// <summary>
/// A partition's checkpoints: the rows of everybody who has changed, and the offset through which they are complete, in one transaction that counts only if the claim still stands. Records go on being applied meanwhile.
/// <code>
///   changed:  a b c          taken, with Applied = 50          a's row may hold 51 already: whoever replays 51 passes over it
///   rows:     a b c ──────> PostgreSQL: applied 41 -> 50, if epoch and 41 are still so
///   saved: forgotten        failed: changed again          fenced: the home ends, another owner is at work
/// </code>
/// One at a time.
/// </summary>
internal sealed class CheckpointWriter(PartitionHome home, PartitionHomes homes, EntityStates states, IGrainFactory grains, TimeProvider time, SiloMetrics metrics, ILogger logger)
{
    private readonly SemaphoreSlim _one = new(1, 1);

    /// <summary>Takes one if there is anything to save. False where it failed; the next one saves the same and more.</summary>
    public async Task<bool> TakeAsync(CancellationToken cancellationToken)
    {
        await _one.WaitAsync(cancellationToken);
        IReadOnlyDictionary<EntityName, long>? changed = null;
        long begun = time.GetTimestamp();
        bool isDurable = false;
        try
        {
            LogOffset through;
            using (home.Enter())
            {
                through = home.Ownership.Applied;
                if (home.Ownership.IsOver || through == home.Checkpoint)
                {
                    return true;
                }

                changed = home.Dirty_NeedsLock.Take();
            }

            List<EntityRow> rows = await SaveAsync(changed, cancellationToken);
            await states.CheckpointAsync(home.Ownership.Claim, home.Checkpoint, through, rows, cancellationToken);
            home.CheckpointDone(through, [.. changed.Keys]);
            isDurable = true;
            home.LastCheckpoint = new CheckpointReport(home.LastCheckpoint.Number + 1, time.GetUtcNow(), rows.Count, rows.Sum(row => (long)row.State.Length), time.GetElapsedTime(begun), home.LastCheckpoint.Failures, null);
            metrics.Checkpointed(rows.Count);
            return true;
        }
        catch (FencedException fenced)
        {
            metrics.Fenced();
            logger.Fenced(home.Partition.Value, home.Ownership.Claim.Epoch, fenced.Message);
            homes.Close(home);
            return false;
        }
        catch (StatesException failure)
        {
            home.LastCheckpoint = home.LastCheckpoint with { Failures = home.LastCheckpoint.Failures + 1, LastFailure = failure.Message };
            metrics.CheckpointFailed();
            logger.CheckpointFailed(home.Partition.Value, failure.Message);
            return false;
        }
        finally
        {
            if (changed is not null && !isDurable)
            {
                using Lock.Scope turn = home.Enter();
                home.Dirty_NeedsLock.Restore();
            }

            _one.Release();
        }
    }

    /// <summary>Before more entities change: where too many have already, waits until a checkpoint has taken them.</summary>
    public async Task MakeRoomAsync(CancellationToken cancellationToken)
    {
        for (TimeSpan pause = Limits.RetryPauseMin; IsFull() && !await TakeAsync(cancellationToken) && !home.Ownership.IsOver; pause = pause * 2 < Limits.RetryPauseMax ? pause * 2 : Limits.RetryPauseMax)
        {
            await Task.Delay(pause, time, cancellationToken);
        }
    }

    private bool IsFull()
    {
        using Lock.Scope turn = home.Enter();
        return home.Dirty_NeedsLock.Count >= Limits.DirtyEntitiesMax;
    }

    /// <summary>Rows of all that have changed, some in a turn. Who is not in memory any more is called back, and heals on the way.</summary>
    private async Task<List<EntityRow>> SaveAsync(IReadOnlyDictionary<EntityName, long> changed, CancellationToken cancellationToken)
    {
        var rows = new List<EntityRow>(changed.Count);
        var absent = new List<EntityName>();
        foreach (EntityName[] some in changed.Keys.Chunk(Limits.SaveTurnEntities))
        {
            using Lock.Scope turn = home.Enter();
            foreach (EntityName name in some)
            {
                Save_NeedsLock(name, rows, absent);
            }
        }

        for (TimeSpan pause = Limits.RetryPauseMin; absent.Count > 0 && !home.Ownership.IsOver; pause = pause * 2 < Limits.RetryPauseMax ? pause * 2 : Limits.RetryPauseMax)
        {
            absent = await CallBackAsync(absent, rows);
            if (absent.Count > 0)
            {
                await Task.Delay(pause, time, cancellationToken);
            }
        }

        return rows;
    }

    private void Save_NeedsLock(EntityName name, List<EntityRow> rows, List<EntityName> absent)
    {
        if (home.FindComplete_NeedsLock(name.Span) is not { } resident)
        {
            absent.Add(name);
        }
        else if (resident.Actor is not null)
        {
            rows.Add(home.Save_NeedsLock(resident));
        }
    }

    /// <summary>Returns those that are not there yet.</summary>
    private async Task<List<EntityName>> CallBackAsync(List<EntityName> absent, List<EntityRow> rows)
    {
        long epoch = home.Ownership.Claim.Epoch;
        Task[] calls = [.. absent.Select(name => grains.EntityOf(home.Definitions.Catalog.Entity(name.Type)!, name).WakeAsync(epoch))];
        await Task.WhenAll(calls).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        var still = new List<EntityName>();
        using Lock.Scope turn = home.Enter();
        foreach (EntityName name in absent)
        {
            Save_NeedsLock(name, rows, still);
        }

        return still;
    }
}
