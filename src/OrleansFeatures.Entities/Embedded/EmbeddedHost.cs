using Microsoft.Extensions.Logging;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Domain.Windows;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Entities.Operations;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.Embedded;

/// <summary>
/// All entities in this process, over one local log:
/// <code>
///   IntakeBatch ──append──> EventLog ──committed, in order──> dispatcher ──> partition loops ──> partitions ──> actors
///                              │                                                                    ▲
///                              └── at start: replay ────────────────────────────────────────────────┘
/// </code>
/// State is applied only after commit, so a read never shows what a crash could take back. The log's bound on bytes held is the bound of
/// everything behind it: a batch counts until all loops have applied it.
/// </summary>
public sealed class EmbeddedHost : IEntityHost, IAsyncDisposable
{
    private readonly EventLog _log;
    private readonly EventIntake _intake;
    private readonly ILogger _logger;
    private readonly CatalogGate _gate = new();
    private readonly TokenWaiters _waiters = new();
    private readonly LoopShare[] _shares;
    private readonly PartitionLoops _loops;
    private readonly MemoryBudget _budget;
    private volatile Generation _generation;
    private int _reconciling;

    private EmbeddedHost(EventLog log, EventIntake intake, Generation generation, MemoryBudget budget, int loops, ILogger logger)
    {
        _log = log;
        _intake = intake;
        _generation = generation;
        _budget = budget;
        _logger = logger;
        _shares = [.. Enumerable.Range(0, loops).Select(_ => new LoopShare(log.PartitionCount))];
        _loops = new PartitionLoops(log.Committed, loops, Apply, Applied);
    }

    public Catalog Catalog => _generation.Catalog;

    public PartitionMap Partitions => _intake.Map;

    /// <summary>The state that reads see.</summary>
    internal Generation Live => _generation;

    /// <summary>The log's failure after which nothing is acknowledged any more; null while it is well.</summary>
    public LogPoisonedException? Poisoned => _log.Poisoned;

    /// <summary>Opens the log, replays it, and starts. Costs one pass over the log.</summary>
    /// <exception cref="LogException">The log cannot be opened; the message names file, place and remedy.</exception>
    public static Task<EmbeddedHost> StartAsync(EmbeddedHostOptions options, Catalog catalog, TimeProvider time, ILogger logger, CancellationToken cancellationToken) =>
        Background.Run(() => StartAsync(new FileLogDevice(), options, catalog, time, logger, cancellationToken), cancellationToken);

    /// <summary>The same on any disk.</summary>
    public static async Task<EmbeddedHost> StartAsync(
        ILogDevice device, EmbeddedHostOptions options, Catalog catalog, TimeProvider time, ILogger logger, CancellationToken cancellationToken)
    {
        var log = EventLog.Open(
            new LogOptions
            {
                Directory = options.LogDirectory,
                PartitionCount = options.PartitionCount,
                SegmentBytesMax = options.LogSegmentBytesMax,
                QueueBytesMax = options.LogQueueBytesMax,
                Verification = LogVerification.LastSegment,
            }, device, time);
        try
        {
            var intake = new EventIntake(new PartitionMap(log.PartitionCount), time);
            var budget = new MemoryBudget(options.MemoryBudgetBytes, options.EntityBudgetBytes);
            var generation = new Generation(catalog, log.PartitionCount, budget);
            long replayed = generation.Replay(log, LogSequence.None, intake, logger, cancellationToken);
            logger.Replayed(replayed, options.LogDirectory);
            var host = new EmbeddedHost(log, intake, generation, budget, options.PartitionLoops, logger);
            await new HistoryCopies(log, intake.Map).CompleteLastEventAsync(catalog, cancellationToken);
            return host;
        }
        catch
        {
            await log.DisposeAsync();
            throw;
        }
    }

    public async ValueTask<IntakeBatch> BeginBatchAsync(CancellationToken cancellationToken)
    {
        _intake.RequireMemory();
        IDisposable lease = await _gate.EnterAsync(cancellationToken);
        return _intake.Begin(_generation.Catalog, lease);
    }

    public async ValueTask<bool> AppendAsync(IntakeBatch batch, bool wait, CancellationToken cancellationToken)
    {
        if (_budget.IsExhausted && batch.Records.Count > 0)
        {
            throw new StateMemoryFullException(_budget.HeldBytes, _budget.ProcessBytes);
        }

        if (!await new BatchAppend(_log, _intake, CanTakeBack, batch).RunAsync(wait, cancellationToken))
        {
            return false;
        }

        try
        {
            await batch.OriginalsDurableAsync(cancellationToken);
        }
        catch (Exception failure) when (failure is LogException || (failure is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            throw new OriginalNotDurableException(failure);
        }

        return true;
    }

    public async ValueTask WaitAppliedAsync(PartitionOffset position, CancellationToken cancellationToken) =>
        await _waiters.WaitAsync(position, () => _generation.Partitions[position.Partition.Value].Applied, cancellationToken);

    public long? StreamTimeMicros(StreamPlan stream) => _intake.Clocks.StreamTimeMicros(stream.Id);

    public LogOffset DurableOffset(PartitionId partition) => _log.DurableOffset(partition);

    public ValueTask ReadAsync(FeatureRead read, CancellationToken cancellationToken)
    {
        Generation generation = _generation;
        Selection selection = read.Selection;
        RequireLive(selection, generation.Catalog);
        var values = new FeatureValue[selection.Features.Length];
        for (int row = 0; row < read.Rows; row++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            for (int index = 0; index < selection.Entities.Length; index++)
            {
                EntityRead entity = selection.Entities[index];
                ReadOnlySpan<byte> key = read.KeyOf(row, index);
                Span<FeatureValue> own = values.AsSpan(0, entity.Plan.FeatureCount);
                EntityStamp stamp = generation.PartitionOf(Partitions.Of(entity.Entity, key)).Read(entity.Entity, key, entity.Plan, read.AsOf[row], read.KnownAt[row], own);
                read.Store(row, index, own, stamp);
            }
        }

        return ValueTask.CompletedTask;
    }

    public async ValueTask ReadHistoryAsync(FeatureRead read, IProgress<HistoryProgress>? progress, CancellationToken cancellationToken)
    {
        await ReadAsync(read, cancellationToken);
        await Background.Run(() => new HistoryReader(_log, Partitions).Fill(read, progress, cancellationToken), cancellationToken);
    }

    public async ValueTask<long> ChangeCatalogAsync(Catalog next, Action commit, CancellationToken cancellationToken)
    {
        using IDisposable alone = await _gate.CloseAsync(cancellationToken);
        await new HistoryCopies(_log, Partitions).AddFeedsAsync(Catalog, next, cancellationToken);
        await WaitAllAppliedAsync(cancellationToken);
        var generation = new Generation(next, _log.PartitionCount, _budget);
        long replayed = await Background.Run(() => generation.Replay(_log, LogSequence.None, null, _logger, cancellationToken), cancellationToken);
        commit();
        Generation replaced = _generation;
        _generation = generation;
        replaced.Retire();
        return replayed;
    }

    public HostStatus Status()
    {
        Generation generation = _generation;
        var partitions = new List<PartitionState>(generation.Partitions.Length);
        PartitionMemory memory = default;
        for (int index = 0; index < generation.Partitions.Length; index++)
        {
            Partition partition = generation.Partitions[index];
            (long entities, long events) = partition.Census();
            PartitionMemory used = partition.MemoryUse();
            memory += used;
            partitions.Add(new PartitionState(index, _log.DurableOffset(new PartitionId(index)).Value, partition.Applied.Value, entities, events, used.HeldBytes));
        }

        return new HostStatus(partitions, [.. generation.Catalog.Streams.Select(_intake.StateOf)], _log.BytesOnDisk, new MemoryState(_budget.ProcessBytes, _budget.EntityBytes, memory));
    }

    public ValueTask<EntityMemory?> MemoryOfAsync(EntityPlan entity, ReadOnlyMemory<byte> key, CancellationToken cancellationToken) =>
        ValueTask.FromResult(_generation.PartitionOf(Partitions.Of(entity, key.Span)).MemoryOf(entity, key.Span));

    public async Task<ReconcileReport> ReconcileAsync(ReconcileScope scope, Action<ReconcileProgress> progress, CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref _reconciling, 1) == 1)
        {
            throw new ReconcileUnderWayException();
        }

        try
        {
            return await Background.Run(() => new Reconciliation(_log, this, scope, progress).RunAsync(cancellationToken), cancellationToken);
        }
        finally
        {
            Volatile.Write(ref _reconciling, 0);
        }
    }

    /// <summary>Waits for what is being appended, then closes the log. Whatever was acknowledged is on disk.</summary>
    public async ValueTask DisposeAsync()
    {
        using (await _gate.CloseAsync(CancellationToken.None))
        {
            await _log.DisposeAsync();
            await _loops.DisposeAsync();
            _waiters.Dispose();
        }
    }

    /// <summary>Whether an entity can give an event back: it holds it as itself, or not at all any more.</summary>
    private bool CanTakeBack(EntityPlan entity, ReadOnlySpan<byte> key, int timeline, EventTime time) =>
        _generation.PartitionOf(Partitions.Of(entity, key)).PresenceOf(entity, key, timeline, time) != Presence.Summed;

    /// <summary>Plans number columns and timelines; numbers of other definitions would read the wrong ones.</summary>
    private static void RequireLive(Selection selection, Catalog live)
    {
        foreach (EntityRead read in selection.Entities)
        {
            if (live.Entity(read.Entity.Id) != read.Entity)
            {
                throw new DefinitionsChangedException();
            }
        }
    }

    /// <summary>One loop's share of a batch.</summary>
    private void Apply(LogRecords records, int loop, int loops)
    {
        _shares[loop].Take(records, loop, loops);
        _generation.Apply(_shares[loop], _logger);
    }

    /// <summary>All loops have applied the batch.</summary>
    private void Applied(CommittedBatch batch)
    {
        (batch.Tag as TimeMarks)?.Tell(_intake.Clocks);
        _waiters.Wake(partition => _generation.Partitions[partition.Value].Applied);
    }

    private async Task WaitAllAppliedAsync(CancellationToken cancellationToken)
    {
        for (int index = 0; index < _log.PartitionCount; index++)
        {
            var partition = new PartitionId(index);
            await WaitAppliedAsync(new PartitionOffset(partition, _log.DurableOffset(partition)), cancellationToken);
        }
    }
}
