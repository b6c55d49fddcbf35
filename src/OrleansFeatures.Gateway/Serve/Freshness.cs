using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Log;
using OrleansFeatures.V1;

namespace OrleansFeatures.Gateway.Serve;

/// <summary>Waits until what a consistency token covers can be seen, for the entities of one read only: other partitions may lag as they like.</summary>
public sealed class Freshness(IEntityHost host, TimeProvider time)
{
    /// <exception cref="RequestRefusedException">The token is malformed, or it did not happen within <paramref name="maxWaitMs"/> (0: the default).</exception>
    public async ValueTask AwaitAsync(FeatureRead read, ConsistencyToken? token, uint maxWaitMs, CancellationToken cancellationToken)
    {
        if (token is null || token.Partitions.Count == 0)
        {
            return;
        }

        TimeSpan patience = PatienceOf(maxWaitMs);
        List<PartitionOffset> positions = PositionsOf(read, token);
        using var timeout = new CancellationTokenSource(patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            foreach (PartitionOffset position in positions)
            {
                await host.WaitAppliedAsync(position, either.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw Refuse.OutOfTime("min_token", $"what the token covers was not applied within {patience.TotalMilliseconds:0} ms", "raise max_wait_ms, or read without min_token; a token of another store never comes true");
        }
    }

    private List<PartitionOffset> PositionsOf(FeatureRead read, ConsistencyToken token)
    {
        if (token.Partitions.Count != token.Offsets.Count)
        {
            throw Refuse.Argument("min_token", $"{token.Partitions.Count} partitions but {token.Offsets.Count} offsets", "hand the token back as it was given");
        }

        HashSet<int> involved = [];
        for (int index = 0; index < read.Keys.Length; index++)
        {
            EntityPlan entity = read.Selection.Entities[index % read.Selection.Entities.Length].Entity;
            involved.Add(host.Partitions.Of(entity, read.Keys[index].Span).Value);
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
