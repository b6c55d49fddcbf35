using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Checkpoints;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Log;
using OrleansFeatures.Postgres.Log;
using OrleansFeatures.Silo.Grains;
using OrleansFeatures.Silo.Reads;

namespace OrleansFeatures.Silo;

/// <summary>What operators see of the whole cluster, from this silo: what it last heard of the partitions, and what PostgreSQL counts.</summary>
internal sealed class ClusterStatus(ClusterStore store, PartitionMap map, ClusterPositions positions, ClusterHostOptions options)
{
    private IReadOnlyDictionary<uint, StreamCounts> _counts = new Dictionary<uint, StreamCounts>();
    private (long Log, long States) _bytes;

    public HostStatus Now()
    {
        CountAsync(CancellationToken.None).GetAwaiter().GetResult();
        PartitionPosition?[] known = [.. Enumerable.Range(0, map.Count).Select(partition => positions.Of(new PartitionId(partition)))];
        PartitionMemory memory = known.OfType<PartitionPosition>().Aggregate(default(PartitionMemory), (sum, position) => sum + MemoryParts.ToPartition(position.Memory));
        return new HostStatus([.. known.Select(StateOf)], [.. store.Definitions.Current.Catalog.Streams.Select(StateOf)], _bytes.Log, new MemoryState(options.MemoryBudgetBytes, options.EntityBudgetBytes, memory), Checkpoints(known))
        {
            FirstSequence = store.Log.FirstSequence.Value,
            DurableSequence = store.Log.DurableSequence.Value,
        };
    }

    /// <summary>After checkpoints of all partitions.</summary>
    public async Task<CheckpointStatus> CheckpointedAsync()
    {
        await positions.AskAsync();
        return Now().Checkpoints;
    }

    /// <summary>Asks PostgreSQL; what it said last stays where it does not answer.</summary>
    private async Task CountAsync(CancellationToken cancellationToken)
    {
        try
        {
            _counts = await store.Log.CountsAsync(cancellationToken).ConfigureAwait(false);
            _bytes = await StoredBytes.AskAsync(store.Postgres, cancellationToken).ConfigureAwait(false);
        }
        catch (LogUnavailableException)
        {
            // Health says that PostgreSQL is away; this goes on with what it knew.
        }
    }

    private PartitionState StateOf(PartitionPosition? position, int partition)
    {
        long durable = store.Log.DurableOffset(new PartitionId(partition)).Value;
        return position is null
            ? new PartitionState(partition, durable, LogOffset.None.Value, 0, 0, 0, 0)
            : new PartitionState(partition, durable, position.Applied, position.Entities, position.Awake, position.Events, MemoryParts.ToPartition(position.Memory).HeldBytes);
    }

    private StreamState StateOf(Domain.Definitions.StreamPlan stream) =>
        store.Intake.StateOf(stream) with { Accepted = _counts.TryGetValue(stream.Id, out StreamCounts counts) ? counts.Accepted : 0 };

    private CheckpointStatus Checkpoints(PartitionPosition?[] known)
    {
        CheckpointReport[] reports = [.. known.OfType<PartitionPosition>().Select(position => position.Saved)];
        CheckpointReport[] taken = [.. reports.Where(report => report.Number > 0)];
        return new CheckpointStatus(
            reports.Sum(report => report.Number),
            taken.Length == 0 ? 0 : EventTime.From(taken.Min(report => report.At)).Micros,
            LogSequence.None.Value,
            taken.Sum(report => report.Rows),
            taken.Sum(report => report.Bytes),
            taken.Select(report => report.Took).DefaultIfEmpty().Max(),
            _bytes.States,
            reports.Sum(report => report.Failures),
            reports.Select(report => report.LastFailure).FirstOrDefault(failure => failure is not null));
    }
}
