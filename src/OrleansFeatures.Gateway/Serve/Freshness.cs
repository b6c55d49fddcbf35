using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Log;
using OrleansFeatures.V1;

namespace OrleansFeatures.Gateway.Serve;

/// <summary>Waits until what a consistency token covers can be seen, for the entities of one read only: other partitions may lag as they like.</summary>
public sealed class Freshness(IEntityHost host, TimeProvider time)
{
    /// <summary>Rows of a partial read whose entities have not come so far in time are given up; those of others are waited for no longer than it leaves time to read the rest.</summary>
    /// <exception cref="RequestRefusedException">The token is malformed, or it did not happen within <paramref name="maxWaitMs"/> (0: the default).</exception>
    public async ValueTask AwaitAsync(FeatureRead read, ConsistencyToken? token, uint maxWaitMs, CancellationToken cancellationToken)
    {
        if (token is null || token.Partitions.Count == 0)
        {
            return;
        }

        TimeSpan patience = PatienceOf(read, maxWaitMs);
        List<PartitionOffset> positions = PositionsOf(read, token);
        using var timeout = new CancellationTokenSource(patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        HashSet<int> behind = [];
        foreach (PartitionOffset position in positions)
        {
            try
            {
                // Also when the time is over: what has been applied by then is seen at once.
                await host.WaitAppliedAsync(position, either.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (timeout.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
            {
                if (read.Partial is null)
                {
                    throw Refuse.OutOfTime("min_token", $"what the token covers was not applied within {patience.TotalMilliseconds:0} ms", "raise max_wait_ms, or read without min_token; a token of another store never comes true");
                }

                behind.Add(position.Partition.Value);
            }
        }

        GiveUp(read, behind);
    }

    private void GiveUp(FeatureRead read, HashSet<int> behind)
    {
        int entities = read.Selection.Entities.Length;
        for (int index = 0; index < read.Keys.Length && behind.Count > 0; index++)
        {
            if (behind.Contains(PartitionOf(read, index)))
            {
                read.GiveUp(index / entities, RowOutcome.OutOfTime);
            }
        }
    }

    private int PartitionOf(FeatureRead read, int index) => host.Partitions.Of(read.Selection.Entities[index % read.Selection.Entities.Length].Entity, read.Keys[index].Span).Value;

    private List<PartitionOffset> PositionsOf(FeatureRead read, ConsistencyToken token)
    {
        if (token.Partitions.Count != token.Offsets.Count)
        {
            throw Refuse.Argument("min_token", $"{token.Partitions.Count} partitions but {token.Offsets.Count} offsets", "hand the token back as it was given");
        }

        HashSet<int> involved = [];
        for (int index = 0; index < read.Keys.Length; index++)
        {
            involved.Add(PartitionOf(read, index));
        }

        var positions = new List<PartitionOffset>();
        for (int index = 0; index < token.Partitions.Count; index++)
        {
            uint partition = token.Partitions[index];
            if (partition >= host.Partitions.Count || token.Offsets[index] > long.MaxValue)
            {
                throw Refuse.Argument("min_token", $"this store has no partition {partition} with offset {token.Offsets[index]}", "use a token of this store");
            }

            if (involved.Contains((int)partition))
            {
                positions.Add(new PartitionOffset(new PartitionId((int)partition), new LogOffset((long)token.Offsets[index])));
            }
        }

        return positions;
    }

    /// <summary>A partial read keeps half of its time for reading, because one partition that lags must not cost the rows of all others.</summary>
    private static TimeSpan PatienceOf(FeatureRead read, uint maxWaitMs)
    {
        TimeSpan asked = PatienceOf(maxWaitMs);
        return read.Partial is { Left: var left } && left != Timeout.InfiniteTimeSpan && left / 2 < asked ? left / 2 : asked;
    }

    private static TimeSpan PatienceOf(uint maxWaitMs)
    {
        if (maxWaitMs == 0)
        {
            return Limits.TokenWaitDefault;
        }

        var wait = TimeSpan.FromMilliseconds(maxWaitMs);
        return wait <= Limits.TokenWaitMax
            ? wait
            : throw Refuse.Argument("max_wait_ms", $"{maxWaitMs} ms is too long", $"wait at most {Limits.TokenWaitMax.TotalMilliseconds:0} ms, and ask again");
    }
}
