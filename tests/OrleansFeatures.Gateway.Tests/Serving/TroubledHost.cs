using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Checkpoints;
using OrleansFeatures.Entities.Embedded;
using OrleansFeatures.Entities.Following;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Entities.Operations;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Log;

namespace OrleansFeatures.Gateway.Tests.Serving;

/// <summary>A real host whose appends fail on demand, as a full or broken disk makes them, and to which things happen at bad moments.</summary>
internal sealed class TroubledHost(EmbeddedHost host) : IEntityHost
{
    private int _appends;

    /// <summary>What happens to the append of that number, from one; null lets it through.</summary>
    public Func<int, bool, Exception?> FailureOf { get; set; } = (_, _) => null;

    /// <summary>Appends that do not wait are told that there is no room.</summary>
    public bool IsFull { get; set; }

    /// <summary>Runs before the next read, once.</summary>
    public Func<Task>? BeforeNextRead { get; set; }

    /// <summary>Runs when the next read has been answered and nobody has the answer yet, once.</summary>
    public Func<Task>? AfterNextRead { get; set; }

    /// <summary>What was asked for last.</summary>
    public FeatureRead? LastRead { get; private set; }

    /// <summary>What a reconciliation finds, instead of what there is.</summary>
    public ReconcileReport? Reconciled { get; set; }

    public Exception? ReconcileFailure { get; set; }

    /// <summary>What a reconciliation does, instead of reconciling.</summary>
    public Func<Action<ReconcileProgress>, CancellationToken, Task<ReconcileReport>>? WhileReconciling { get; set; }

    public Exception? CheckpointFailure { get; set; }

    public Catalog Catalog => host.Catalog;

    public PartitionMap Partitions => host.Partitions;

    public ValueTask<IntakeBatch> BeginBatchAsync(CancellationToken cancellationToken) => host.BeginBatchAsync(cancellationToken);

    public ValueTask<bool> AppendAsync(IntakeBatch batch, bool wait, CancellationToken cancellationToken)
    {
        int number = Interlocked.Increment(ref _appends);
        return FailureOf(number, wait) is { } failure ? ValueTask.FromException<bool>(failure)
            : IsFull && !wait ? ValueTask.FromResult(false)
            : host.AppendAsync(batch, wait, cancellationToken);
    }

    /// <summary>What waiting for an offset is like, instead of waiting for it.</summary>
    public Func<CancellationToken, ValueTask>? WhileWaiting { get; set; }

    public ValueTask WaitAppliedAsync(PartitionOffset position, CancellationToken cancellationToken) => WhileWaiting?.Invoke(cancellationToken) ?? host.WaitAppliedAsync(position, cancellationToken);

    public async ValueTask ReadAsync(FeatureRead read, CancellationToken cancellationToken)
    {
        LastRead = read;
        Func<Task>? before = BeforeNextRead;
        BeforeNextRead = null;
        await (before?.Invoke() ?? Task.CompletedTask);
        await host.ReadAsync(read, cancellationToken);
        Func<Task>? after = AfterNextRead;
        AfterNextRead = null;
        await (after?.Invoke() ?? Task.CompletedTask);
    }

    public ValueTask ReadHistoryAsync(FeatureRead read, IProgress<HistoryProgress>? progress, CancellationToken cancellationToken) => host.ReadHistoryAsync(read, progress, cancellationToken);

    public ValueTask<long> ChangeCatalogAsync(Catalog next, Action commit, CancellationToken cancellationToken) => host.ChangeCatalogAsync(next, commit, cancellationToken);

    public long? StreamTimeMicros(StreamPlan stream) => host.StreamTimeMicros(stream);

    public LogOffset DurableOffset(PartitionId partition) => host.DurableOffset(partition);

    public LogSequence DurableSequence => host.DurableSequence;

    /// <summary>What a follower meets instead of its first slice.</summary>
    public Exception? FollowFailure { get; set; }

    public IAsyncEnumerable<AppliedChanges> FollowAsync(LogSequence after, ChangeFilter? filter, CancellationToken cancellationToken) =>
        FollowFailure is { } failure ? throw failure : host.FollowAsync(after, filter, cancellationToken);

    public HostStatus Status() => host.Status();

    public ValueTask<EntityMemory?> MemoryOfAsync(EntityPlan entity, ReadOnlyMemory<byte> key, CancellationToken cancellationToken) => host.MemoryOfAsync(entity, key, cancellationToken);

    public Task<ReconcileReport> ReconcileAsync(ReconcileScope scope, Action<ReconcileProgress> progress, CancellationToken cancellationToken) =>
        ReconcileFailure is { } failure ? Task.FromException<ReconcileReport>(failure)
        : WhileReconciling is { } work ? work(progress, cancellationToken)
        : Reconciled is { } report ? Task.FromResult(report)
        : host.ReconcileAsync(scope, progress, cancellationToken);

    public Exception? ExplainFailure { get; set; }

    public Task<IReadOnlyList<ExplainedValue>> ExplainAsync(FeatureRead read, int eventsMax, CancellationToken cancellationToken) =>
        ExplainFailure is { } failure ? Task.FromException<IReadOnlyList<ExplainedValue>>(failure) : host.ExplainAsync(read, eventsMax, cancellationToken);

    public ValueTask<CheckpointStatus> CheckpointAsync(CancellationToken cancellationToken) =>
        CheckpointFailure is { } failure ? ValueTask.FromException<CheckpointStatus>(failure) : host.CheckpointAsync(cancellationToken);

    public ValueTask<long> ReplayAsync(LogSequence from, IProgress<HistoryProgress>? progress, CancellationToken cancellationToken) => host.ReplayAsync(from, progress, cancellationToken);

    public LogSequence FirstWrittenSince(EventTime time) => host.FirstWrittenSince(time);
}
