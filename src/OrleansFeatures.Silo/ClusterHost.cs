using Microsoft.Extensions.Logging;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Checkpoints;
using OrleansFeatures.Entities.Following;
using OrleansFeatures.Entities.History;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Entities.Operations;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Log;
using OrleansFeatures.Postgres.Log;
using OrleansFeatures.Silo.Grains;
using OrleansFeatures.Silo.Reads;

namespace OrleansFeatures.Silo;

/// <summary>
/// All entities of the cluster, as each silo's gateway reaches them. Events go into the log, from where partitions and entities take them; reads go to the silos that own the entities' partitions.
/// <code>
///   push ─> IntakeBatch, deferred ─> PostgresLog ─> stream ─> PartitionGrain ─> EntityGrain ─> PartitionHome
///   read ─> RoutedReads ─ one call for each silo ─> LocalReads ──────────────────────────────> PartitionHome
/// </code>
/// </summary>
internal sealed class ClusterHost : IEntityHost, IFollowedLog
{
    private readonly ClusterStore _store;
    private readonly PartitionMap _map;
    private readonly RoutedReads _reads;
    private readonly RoutedPresence _presence;
    private readonly AppliedWaits _applied;
    private readonly StreamTimes _streamTimes;
    private readonly ClusterStatus _status;
    private readonly DefinitionChange _change;
    private readonly SiloMemory _memory;
    private readonly IGrainFactory _grains;
    private readonly LongReads _longReads;

    public ClusterHost(
        ClusterStore store, PartitionMap map, RoutedReads reads, RoutedPresence presence, AppliedWaits applied, StreamTimes streamTimes, ClusterStatus status, DefinitionChange change, SiloMemory memory, IGrainFactory grains)
    {
        (_store, _map, _reads, _presence, _applied, _streamTimes, _status, _change, _memory, _grains) = (store, map, reads, presence, applied, streamTimes, status, change, memory, grains);
        _longReads = new LongReads(store.Log, this, Floors);
    }

    public Catalog Catalog => _store.Definitions.Current.Catalog;

    public PartitionMap Partitions => _map;

    public ValueTask<IntakeBatch> BeginBatchAsync(CancellationToken cancellationToken)
    {
        _store.Intake.RequireMemory();
        return ValueTask.FromResult(_store.Intake.BeginDeferred(Catalog, NoLease.Instance));
    }

    public ValueTask<bool> AppendAsync(IntakeBatch batch, bool wait, CancellationToken cancellationToken)
    {
        if (batch.Deferred.Count > 0)
        {
            _memory.RequireRoom();
        }

        return _store.Log.AppendAsync(batch, wait, cancellationToken);
    }

    public async ValueTask WaitAppliedAsync(PartitionOffset position, CancellationToken cancellationToken)
    {
        if (position.Offset.Value < 0)
        {
            return;
        }

        await _applied.WaitAsync(position, cancellationToken);
        await _streamTimes.ReachAsync(position, cancellationToken);
    }

    public long? StreamTimeMicros(StreamPlan stream) => _store.Intake.Clocks.StreamTimeMicros(stream.Id);

    public LogOffset DurableOffset(PartitionId partition) => _store.Log.DurableOffset(partition);

    public LogSequence DurableSequence => _store.Log.DurableSequence;

    public IAsyncEnumerable<AppliedChanges> FollowAsync(LogSequence after, ChangeFilter? filter, CancellationToken cancellationToken) => LogFollowing.RunAsync(this, after, filter, cancellationToken);

    IRecordSource IFollowedLog.Records => _store.Log;

    /// <summary>What is durable: how far all partitions have come is told once in a while only, and asked for where it matters.</summary>
    ValueTask<LogSequence> IFollowedLog.WaitReadableAsync(LogSequence after, CancellationToken cancellationToken) => _store.Log.WaitDurableBeyondAsync(after, cancellationToken);

    async ValueTask IFollowedLog.WaitAppliedAsync(IReadOnlyDictionary<PartitionId, LogOffset> ends, CancellationToken cancellationToken) =>
        await Task.WhenAll(ends.Select(end => _applied.WaitAsync(new PartitionOffset(end.Key, end.Value), cancellationToken)));

    public async ValueTask ReadAsync(FeatureRead read, CancellationToken cancellationToken)
    {
        ClusterDefinitions live = _store.Definitions.Current;
        foreach (EntityRead entity in read.Selection.Entities)
        {
            if (live.Catalog.Entity(entity.Entity.Id) != entity.Entity)
            {
                throw new DefinitionsChangedException();
            }
        }

        await _reads.FillAsync(read, live.Generation, cancellationToken);
    }

    public async ValueTask ReadHistoryAsync(FeatureRead read, IProgress<HistoryProgress>? progress, CancellationToken cancellationToken)
    {
        await ReadAsync(read, cancellationToken);
        await _longReads.FillAsync(read, live: null, progress, cancellationToken);
    }

    public async ValueTask<long> ChangeCatalogAsync(Catalog next, Action commit, CancellationToken cancellationToken) => await _change.RunAsync(next, commit, cancellationToken);

    /// <summary>As the contract has it, but that reads of a partition wait while it is rebuilt, and that all of raw history is replayed.</summary>
    /// <exception cref="ReplayFromException">A replay from a later record is asked for.</exception>
    public async ValueTask<long> ReplayAsync(LogSequence from, IProgress<HistoryProgress>? progress, CancellationToken cancellationToken) =>
        from.Value > _store.Log.FirstSequence.Value ? throw new ReplayFromException(from, _store.Log.FirstSequence) : await _change.ReplayAsync(progress, cancellationToken);

    public LogSequence FirstWrittenSince(EventTime time) => _store.Log.FirstWrittenSince(time);

    /// <summary>Of the whole cluster, as this silo last heard.</summary>
    public HostStatus Status() => _status.Now();

    public async ValueTask<EntityMemory?> MemoryOfAsync(EntityPlan entity, ReadOnlyMemory<byte> key, CancellationToken cancellationToken)
    {
        ClusterDefinitions live = _store.Definitions.Current;
        return live.Catalog.Entity(entity.Id) == entity ? await _presence.MemoryAsync(entity, key, live.Generation, cancellationToken) : throw new DefinitionsChangedException();
    }

    public Task<ReconcileReport> ReconcileAsync(ReconcileScope scope, Action<ReconcileProgress> progress, CancellationToken cancellationToken) => _longReads.ReconcileAsync(scope, progress, cancellationToken);

    public Task<IReadOnlyList<ExplainedValue>> ExplainAsync(FeatureRead read, int eventsMax, CancellationToken cancellationToken) => _longReads.ExplainAsync(read, eventsMax, cancellationToken);

    /// <summary>Of every partition.</summary>
    public async ValueTask<CheckpointStatus> CheckpointAsync(CancellationToken cancellationToken)
    {
        await WaitAllAppliedAsync(cancellationToken);
        bool[] taken = await Task.WhenAll(Enumerable.Range(0, _map.Count).Select(partition => _grains.GetGrain<IPartitionGrain>(partition).CheckpointAsync())).WaitAsync(cancellationToken);
        int failed = taken.Count(done => !done);
        return failed == 0
            ? await _status.CheckpointedAsync()
            : throw new LogUnavailableException($"checkpoints of {failed} of {_map.Count} partitions failed, or the partitions are moving; the ones before them still count. Look at whether PostgreSQL takes writes, and try again");
    }

    /// <summary>
    /// What is missing of history now, and not when a read came that has waited for its turn since. Blocks the caller's thread for a query, as reading the log does: callers go over the log on a thread of their own, or,
    /// reconciling, one at a time on the thread pool's.
    /// </summary>
    private IReadOnlyDictionary<uint, long> Floors(CancellationToken cancellationToken) => _store.FloorsAsync(cancellationToken).GetAwaiter().GetResult();

    private async Task WaitAllAppliedAsync(CancellationToken cancellationToken)
    {
        for (int index = 0; index < _map.Count; index++)
        {
            var partition = new PartitionId(index);
            await WaitAppliedAsync(new PartitionOffset(partition, DurableOffset(partition)), cancellationToken);
        }
    }

    /// <summary>Definitions may change under a batch here: the append finds out.</summary>
    private sealed class NoLease : IDisposable
    {
        public static readonly NoLease Instance = new();

        public void Dispose()
        {
        }
    }
}

/// <summary>A replay of the cluster begins with the oldest record that there is: only then do all partitions know the same of history.</summary>
public sealed class ReplayFromException(LogSequence wanted, LogSequence first)
    : LogException($"the cluster edition replays all of raw history, which begins at sequence {first}, and not from sequence {wanted} on: leave out where to begin (orleans-features replay --from start)");
