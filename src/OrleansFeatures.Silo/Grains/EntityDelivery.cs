using Microsoft.Extensions.Logging;

namespace OrleansFeatures.Silo.Grains;

/// <summary>
/// Hands each entity of a batch its records, all at the same time, and waits until each has taken them. One that fails (it is activated elsewhere and has to leave; PostgreSQL does not give its row) is asked again and again: the partition
/// does not go on without it, and taking records twice is harmless. Ends early only when the ownership does.
/// </summary>
internal sealed class EntityDelivery(TimeProvider time, ILogger<EntityDelivery> logger)
{
    /// <returns>False where the ownership has ended.</returns>
    public async Task<bool> DeliverAsync(PartitionHome home, IReadOnlyList<EntityShare> shares, CancellationToken cancellationToken)
    {
        long[] previous = PreviousOf(home, shares);
        var left = new List<int>(Enumerable.Range(0, shares.Count));
        for (TimeSpan pause = Limits.RetryPauseMin; ; pause = pause * 2 < Limits.RetryPauseMax ? pause * 2 : Limits.RetryPauseMax)
        {
            Exception? failure = await OnceAsync(home, shares, previous, left);
            if (left.Count == 0)
            {
                return true;
            }

            if (home.Ownership.IsOver || cancellationToken.IsCancellationRequested)
            {
                return false;
            }

            if (pause >= Limits.RetryPauseMax)
            {
                logger.EntitiesWaiting(home.Partition.Value, left.Count, failure?.Message ?? "they are activated in another silo and have to leave there first");
            }

            await Task.Delay(pause, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static long[] PreviousOf(PartitionHome home, IReadOnlyList<EntityShare> shares)
    {
        var previous = new long[shares.Count];
        for (int from = 0; from < shares.Count; from += Entities.Limits.TurnRecordsMax)
        {
            using Lock.Scope turn = home.Enter();
            for (int index = from; index < Math.Min(from + Entities.Limits.TurnRecordsMax, shares.Count); index++)
            {
                previous[index] = home.Dirty_NeedsLock.LastOffsetOf(shares[index].Name.Span);
            }
        }

        return previous;
    }

    /// <summary>One call to each that is left; takes those off the list that have their records. Gives one of the failures, if there were any.</summary>
    private static async Task<Exception?> OnceAsync(PartitionHome home, IReadOnlyList<EntityShare> shares, long[] previous, List<int> left)
    {
        var calls = new Task<EntityReply>[left.Count];
        for (int call = 0; call < calls.Length; call++)
        {
            EntityShare share = shares[left[call]];
            calls[call] = share.Grain.ApplyAsync(new EntityBatch(home.Ownership.Claim.Epoch, previous[left[call]], share.Frames));
        }

        await ((Task)Task.WhenAll(calls)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Exception? failure = null;
        for (int call = calls.Length - 1; call >= 0; call--)
        {
            if (calls[call].IsCompletedSuccessfully && calls[call].Result == EntityReply.Done)
            {
                left.RemoveAt(call);
            }
            else
            {
                failure ??= calls[call].Exception?.InnerException;
            }
        }

        return failure;
    }
}
