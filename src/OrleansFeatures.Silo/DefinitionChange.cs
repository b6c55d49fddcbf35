using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.History;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Log;
using OrleansFeatures.Silo.Placement;
using OrleansFeatures.Silo.Reads;

namespace OrleansFeatures.Silo;

/// <summary>
/// Other definitions for the whole cluster, or the same ones anew (a replay): a new generation, for which every partition is rebuilt from the log where it is.
/// <code>
///   history for new entity types is copied ──> generation + 1: definitions recorded, appends of the older refused ──> copies of what came meanwhile
///     ──> every silo takes them up ──> every partition is claimed anew, and applies the log from its beginning ──> done when all have caught up
/// </code>
/// Unlike in the embedded edition a partition's reads wait while it is rebuilt.
/// </summary>
internal sealed class DefinitionChange(ClusterStore store, PartitionMap map, PartitionPlans plans, SiloReadsClient silos, ClusterPositions positions, TimeProvider time)
{
    /// <summary>Returns the records replayed.</summary>
    public async Task<long> RunAsync(Catalog next, Action commit, CancellationToken cancellationToken)
    {
        Catalog before = store.Definitions.Current.Catalog;
        var copies = new HistoryCopies(store.Log, store.Log.Finished, map);
        await Task.Run(() => copies.AddFeedsAsync(before, next, cancellationToken), cancellationToken);
        ClusterDefinitions live = await store.Definitions.ReplaceAsync(next, commit, cancellationToken);

        // Recorded, so no turning back: what the older definitions let in while the first pass ran has its copies made whatever happens to the caller.
        await Task.Run(() => copies.AddFeedsAsync(before, next, CancellationToken.None), CancellationToken.None);
        return await RebuiltAsync(live, null, cancellationToken);
    }

    /// <summary>The same definitions, and all state anew. Returns the records replayed.</summary>
    public async Task<long> ReplayAsync(IProgress<HistoryProgress>? progress, CancellationToken cancellationToken) =>
        await RebuiltAsync(await store.Definitions.ReplaceAsync(store.Definitions.Current.Catalog, () => { }, cancellationToken), progress, cancellationToken);

    private async Task<long> RebuiltAsync(ClusterDefinitions live, IProgress<HistoryProgress>? progress, CancellationToken cancellationToken)
    {
        long records = store.Log.DurableSequence.Value + 1 - store.Log.FirstSequence.Value;
        await Task.WhenAll(plans.Current.Silos.Select(TellAsync));
        while (true)
        {
            await positions.AskAsync().WaitAsync(cancellationToken);
            int rebuilt = Enumerable.Range(0, map.Count).Count(partition => positions.Of(new PartitionId(partition)) is { IsCaughtUp: true } position && position.Generation >= live.Generation);
            progress?.Report(new HistoryProgress(records * rebuilt / map.Count, records));
            if (rebuilt == map.Count)
            {
                return records;
            }

            await Task.Delay(Limits.KeepEagerly, time, cancellationToken);
        }
    }

    private async Task TellAsync(SiloAddress silo)
    {
        try
        {
            await silos.Of(silo).RefreshDefinitionsAsync().AsTask().WaitAsync(Limits.SiloCallMax, time);
        }
        catch (Exception failure) when (failure is OrleansException or TimeoutException)
        {
            // It looks by itself within Limits.DefinitionsEvery, or is gone.
        }
    }
}
