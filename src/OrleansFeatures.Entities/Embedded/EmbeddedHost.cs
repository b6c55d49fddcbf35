using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Domain.Windows;
using OrleansFeatures.Entities.Checkpoints;
using OrleansFeatures.Entities.Following;
using OrleansFeatures.Entities.History;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Entities.Operations;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Log;
using OrleansFeatures.Log.Inspection;

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
public sealed class EmbeddedHost : IEntityHost, IFollowedLog, IAsyncDisposable
{
    private readonly EventLog _log;
    private readonly LocalAppend _target;
    private readonly EventIntake _intake;
    private readonly ILogger _logger;
    private readonly CatalogGate _gate = new();
    private readonly TokenWaiters _waiters = new();
    private readonly LongReads _longReads;
    private readonly AppliedProgress _applied;
    private readonly LoopShare[] _shares;
    private readonly PartitionLoops _loops;
    private readonly MemoryBudget _budget;
    private readonly Checkpointer _checkpoints;
    private readonly bool _checkpointOnClose;
    private volatile Generation _generation;
    private int _closing;

    private EmbeddedHost(EventLog log, StateStores stores, EventIntake intake, Generation generation, MemoryBudget budget, EmbeddedHostOptions options, TimeProvider time, ILogger logger)
    {
        _log = log;
        _target = new LocalAppend(log);
        _intake = intake;
        _generation = generation;
        _budget = budget;
        _logger = logger;
        _checkpointOnClose = options.CheckpointOnClose;
        _applied = new AppliedProgress(generation.History.Through);
        _longReads = new LongReads(log, this, _ => _generation.History.Floors);
        _shares = [.. Enumerable.Range(0, options.PartitionLoops).Select(_ => new LoopShare(log.PartitionCount))];
        _checkpoints = new Checkpointer(log, stores, budget, options, time, logger, () => _generation, () => _applied.Through);
        _loops = new PartitionLoops(log.Committed, options.PartitionLoops, Apply, Applied);
    }

    public Catalog Catalog => _generation.Catalog;

    public PartitionMap Partitions => _intake.Map;

    /// <summary>The state that reads see.</summary>
    internal Generation Live => _generation;

    /// <summary>What opening gave up because it was damaged and <see cref="EmbeddedHostOptions.SkipDamage"/> said so, now or earlier; null where nothing is missing.</summary>
    public LossReport? Losses => _log.Losses;

    /// <summary>The log's failure after which nothing is acknowledged any more; null while it is well.</summary>
    public LogPoisonedException? Poisoned => _log.Poisoned;

    /// <summary>Opens the log and the newest checkpoint, replays what came since, and starts. Costs an index of all entities and a pass over the log since the checkpoint.</summary>
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
                Recovery = options.SkipDamage ? DamageRecovery.Skip : DamageRecovery.Refuse,
            }, device, time);
        StateStores? stores = null;
        EmbeddedHost? host = null;
        bool isStarted = false;
        try
        {
            var intake = new EventIntake(new PartitionMap(log.PartitionCount), time);
            var budget = new MemoryBudget(options.MemoryBudgetBytes, options.EntityBudgetBytes);
            stores = StateStores.Open(options.StateDirectory ?? Path.Combine(options.LogDirectory, "state"), log.StoreId, log.PartitionCount, options.SkipDamage, device, time, logger);
            Generation generation = new GenerationOpening(log, stores, intake, budget) { SkipsDamage = options.SkipDamage }.Open(catalog);
            host = new EmbeddedHost(log, stores, intake, generation, budget, options, time, logger);
            await host.CatchUpAsync(cancellationToken);
            await new HistoryCopies(log, host._target, intake.Map).CompleteLastEventAsync(catalog, cancellationToken);
            host._checkpoints.Start();
            isStarted = true;
            return host;
        }
        finally
        {
            if (!isStarted)
            {
                await log.DisposeAsync();
                if (host is not null)
                {
                    await host._checkpoints.DisposeAsync();
                }
                else
                {
                    stores?.Dispose();
                }
            }
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

        if (!await new BatchAppend(_target, _intake, CanTakeBack, batch).RunAsync(wait, cancellationToken))
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

    public LogSequence DurableSequence => _log.DurableSequence;

    public IAsyncEnumerable<AppliedChanges> FollowAsync(LogSequence after, ChangeFilter? filter, CancellationToken cancellationToken) => LogFollowing.RunAsync(this, after, filter, cancellationToken);

    public ValueTask ReadAsync(FeatureRead read, CancellationToken cancellationToken)
    {
        RowReads.Fill(read, _generation, Partitions, cancellationToken);
        return ValueTask.CompletedTask;
    }

    public async ValueTask ReadHistoryAsync(FeatureRead read, IProgress<HistoryProgress>? progress, CancellationToken cancellationToken) =>
        await _longReads.FillAsync(read, () => RowReads.Fill(read, _generation, Partitions, cancellationToken), progress, cancellationToken);

    public async ValueTask<long> ChangeCatalogAsync(Catalog next, Action commit, CancellationToken cancellationToken)
    {
        await using GenerationChange change = await _checkpoints.BeginChangeAsync(cancellationToken);
        using IDisposable alone = await _gate.CloseAsync(cancellationToken);
        await new HistoryCopies(_log, _target, Partitions).AddFeedsAsync(Catalog, next, cancellationToken);
        await WaitAllAppliedAsync(cancellationToken);
        var rebuilt = new GenerationSwitch(_log, _budget, _logger);
        await rebuilt.BuildAsync(change, next, _log.FirstSequence, change.Live.History.Floors, null, cancellationToken);
        await rebuilt.FinishAsync(change, cancellationToken);
        commit();
        Take(rebuilt.Next!, change);
        return rebuilt.Count;
    }

    /// <summary>
    /// Builds all state anew from the log, from a record on, while the old answers and events come, and lets the new take over in one step. What would need history from before that record answers OUTSIDE_RETENTION then.
    /// Returns the records replayed.
    /// </summary>
    /// <exception cref="LogException">The log or the disk failed; the old state stays.</exception>
    public async ValueTask<long> ReplayAsync(LogSequence from, IProgress<HistoryProgress>? progress, CancellationToken cancellationToken)
    {
        await using GenerationChange change = await _checkpoints.BeginChangeAsync(cancellationToken);
        from = new LogSequence(Math.Max(from.Value, _log.FirstSequence.Value));
        IReadOnlyDictionary<uint, long> floors = await Background.Run(() => change.Live.History.FloorsBefore(_log, from, cancellationToken), cancellationToken);
        var rebuilt = new GenerationSwitch(_log, _budget, _logger);
        if (_log.FirstSequence.Value <= 0)
        {
            // All of it is in the log, so nothing has to be believed that was saved: damaged pages heal as well.
            change.RebuildHistory();
        }

        await rebuilt.BuildAsync(change, Catalog, from, floors, progress, cancellationToken);
        using IDisposable alone = await _gate.CloseAsync(cancellationToken);
        await WaitAllAppliedAsync(cancellationToken);
        await rebuilt.FinishAsync(change, cancellationToken);
        Take(rebuilt.Next!, change);
        return rebuilt.Count;
    }

    /// <summary>Takes a checkpoint now, of everything acknowledged until now.</summary>
    /// <exception cref="LogException">It failed; the one before it still counts.</exception>
    public async ValueTask<CheckpointStatus> CheckpointAsync(CancellationToken cancellationToken)
    {
        await _applied.WaitAsync(_log.DurableSequence, cancellationToken);
        return await _checkpoints.TakeAsync(cancellationToken);
    }

    public LogSequence FirstWrittenSince(EventTime time)
    {
        ImmutableArray<LogSegment> segments = _log.Segments;
        return segments.FirstOrDefault(segment => segment.LastGroupMicros >= time.Micros, segments[^1]).First;
    }

    public HostStatus Status()
    {
        Generation generation = _generation;
        (IReadOnlyList<PartitionState> partitions, PartitionMemory memory) = generation.Census(_log);
        return new HostStatus(partitions, [.. generation.Catalog.Streams.Select(_intake.StateOf)], _log.BytesOnDisk, new MemoryState(_budget.ProcessBytes, _budget.EntityBytes, memory), _checkpoints.Status)
        {
            FirstSequence = _log.FirstSequence.Value,
            DurableSequence = _log.DurableSequence.Value,
            Losses = [.. _log.KnownGaps.Select(gap => gap.ToString())],
        };
    }

    public ValueTask<EntityMemory?> MemoryOfAsync(EntityPlan entity, ReadOnlyMemory<byte> key, CancellationToken cancellationToken) =>
        ValueTask.FromResult(_generation.PartitionOf(Partitions.Of(entity, key.Span)).MemoryOf(entity, key.Span));

    public Task<ReconcileReport> ReconcileAsync(ReconcileScope scope, Action<ReconcileProgress> progress, CancellationToken cancellationToken) => _longReads.ReconcileAsync(scope, progress, cancellationToken);

    public Task<IReadOnlyList<ExplainedValue>> ExplainAsync(FeatureRead read, int eventsMax, CancellationToken cancellationToken) => _longReads.ExplainAsync(read, eventsMax, cancellationToken);

    /// <summary>Waits for what is being appended, takes a last checkpoint, then closes the log. Whatever was acknowledged is on disk.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _closing, 1) != 0)
        {
            return;
        }

        await _checkpoints.StopAsync(_checkpointOnClose);
        using (await _gate.CloseAsync(CancellationToken.None))
        {
            await _log.DisposeAsync();
            await _loops.DisposeAsync();
            await _checkpoints.DisposeAsync();
            _waiters.Dispose();
            _applied.Close();
        }
    }

    IRecordSource IFollowedLog.Records => _log;

    async ValueTask<LogSequence> IFollowedLog.WaitReadableAsync(LogSequence after, CancellationToken cancellationToken)
    {
        await _applied.WaitAsync(new LogSequence(after.Value + 1), cancellationToken);
        return _applied.Through;
    }

    /// <summary>What could be read had been applied.</summary>
    ValueTask IFollowedLog.WaitAppliedAsync(IReadOnlyDictionary<PartitionId, LogOffset> ends, CancellationToken cancellationToken) => ValueTask.CompletedTask;

    /// <summary>Whether an entity can give an event back: it holds it as itself, or not at all any more.</summary>
    private bool CanTakeBack(EntityPlan entity, ReadOnlySpan<byte> key, int timeline, EventTime time) =>
        _generation.PartitionOf(Partitions.Of(entity, key)).PresenceOf(entity, key, timeline, time) != Presence.Summed;

    /// <summary>One loop's share of a batch.</summary>
    private void Apply(LogRecords records, int loop, int loops)
    {
        _shares[loop].Take(records, loop, loops);
        _generation.Apply(_shares[loop], _logger);
    }

    /// <summary>All loops have applied the batch.</summary>
    private void Applied(CommittedBatch batch)
    {
        _applied.Advance(batch.Receipt.Last);
        (batch.Tag as TimeMarks)?.Tell(_intake.Clocks);
        _waiters.Wake(partition => _generation.Partitions[partition.Value].Applied);
    }

    /// <summary>
    /// Applies the log from behind the checkpoint, a slice at a time: where entities come to more than memory may hold, a checkpoint lets them sleep.
    /// </summary>
    private async Task CatchUpAsync(CancellationToken cancellationToken)
    {
        LogSequence end = _log.DurableSequence;
        long replayed = 0;
        while (_applied.Through.CompareTo(end) < 0)
        {
            var through = new LogSequence(Math.Min(end.Value, _applied.Through.Value + Limits.ReplaySliceRecords));
            replayed += _generation.Replay(_log, _applied.Through, through, _intake, _logger, cancellationToken);
            _applied.Advance(through);
            if (_budget.IsOver)
            {
                await _checkpoints.TakeAsync(cancellationToken);
            }
        }

        _generation.PassOverWhatNeverComes(_log);
        _generation.TellClocks(_intake);
        _logger.Replayed(replayed, _generation.Store.Options.Directory);
    }

    /// <summary>The next generation answers from here on.</summary>
    private void Take(Generation next, GenerationChange change)
    {
        Generation replaced = _generation;
        _generation = next;
        replaced.Retire();
        change.Done();
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
