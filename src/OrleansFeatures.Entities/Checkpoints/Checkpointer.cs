using Microsoft.Extensions.Logging;
using OrleansFeatures.Entities.Embedded;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Log;
using OrleansFeatures.Log.Snapshots;

namespace OrleansFeatures.Entities.Checkpoints;

/// <summary>
/// Takes checkpoints of a running store: when enough of the log or of time has passed since the last, when memory wants entities to sleep, or when somebody asks. Between them it keeps the hand going round that puts idle entities
/// to sleep. One checkpoint at a time, and none while another generation takes over.
/// </summary>
internal sealed class Checkpointer : IAsyncDisposable
{
    private readonly EventLog _log;
    private readonly StateStores _stores;
    private readonly MemoryBudget _budget;
    private readonly EmbeddedHostOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Func<Generation> _live;
    private readonly Func<LogSequence> _applied;
    private readonly SemaphoreSlim _one = new(1, 1);
    private TaskCompletionSource _wanted = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _stopping = new();
    private Task _loop = Task.CompletedTask;
    private bool _isClosed; // Whoever has entered looks at it.
    private SnapshotStore? _retired;
    private long _logBytes;
    private volatile CheckpointStatus _status;

    public Checkpointer(
        EventLog log, StateStores stores, MemoryBudget budget, EmbeddedHostOptions options, TimeProvider time, ILogger logger, Func<Generation> live, Func<LogSequence> applied)
    {
        (_log, _stores, _budget, _options, _time, _logger, _live, _applied) = (log, stores, budget, options, time, logger, live, applied);
        _logBytes = log.BytesOnDisk;
        _status = new CheckpointStatus(0, 0, -1, 0, 0, default, 0, 0, null);
        budget.CheckpointWanted = Want;
    }

    public CheckpointStatus Status
    {
        get
        {
            SnapshotHead? head = _live().Store.Head;
            return _status with { Number = head?.Number ?? 0, WrittenMicros = head?.WrittenMicros ?? 0, Through = head?.Through.Value ?? -1, StateBytes = _live().Store.BytesOnDisk };
        }
    }

    public void Start() => _loop = Background.Run(RunAsync);

    /// <summary>Takes one now, of everything applied until now.</summary>
    /// <exception cref="LogException">It failed; the one before it still counts.</exception>
    public async Task<CheckpointStatus> TakeAsync(CancellationToken cancellationToken)
    {
        await EnterAsync(cancellationToken);
        try
        {
            await TakeOfLiveAsync(cancellationToken);
            return Status;
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>Keeps checkpoints away while a generation is built and takes over; release by disposing.</summary>
    public async Task<GenerationChange> BeginChangeAsync(CancellationToken cancellationToken)
    {
        await EnterAsync(cancellationToken);
        bool isBegun = false;
        try
        {
            await DropRetiredAsync();
            isBegun = true;
            return new GenerationChange(this, _live(), _stores.OtherThan(_live().Store));
        }
        finally
        {
            if (!isBegun)
            {
                _one.Release();
            }
        }
    }

    /// <summary>Stops the loop, waits for what is under way, and lets nothing else begin; with <paramref name="takeLast"/> after a last checkpoint, so that the next start has nothing to replay.</summary>
    public async Task StopAsync(bool takeLast)
    {
        _stopping.Cancel(); // Not CancelAsync: what is told of it only wakes the loop, and the thread pool is no place for a simulation.
        await _loop;
        await _one.WaitAsync();
        try
        {
            if (takeLast && !_isClosed && _log.Poisoned is null && _live().History.Through.CompareTo(_applied()) < 0)
            {
                using var patience = new CancellationTokenSource(Limits.LastCheckpointMax, _time);
                await TryAsync(() => TakeOfLiveAsync(patience.Token), patience.Token);
            }

            _isClosed = true;
        }
        finally
        {
            _one.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync(takeLast: false);
        _stores.Dispose();
        _stopping.Dispose(); // Not the semaphore: whoever still comes must find it, and that the store is closed.
    }

    /// <summary>A change is over: what lies in this store no longer counts.</summary>
    internal async Task EndChangeAsync(SnapshotStore unused, bool isUsedByReads)
    {
        _retired = unused;
        try
        {
            if (!isUsedByReads)
            {
                await DropRetiredAsync();
            }
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>One checkpoint, while nobody else can take any.</summary>
    /// <param name="generation">Of whom.</param>
    /// <param name="history">What intake knows; null for a generation that is being built, which a restart must not take.</param>
    /// <param name="from">Where the pages of history lie that are not in the generation's own store yet.</param>
    /// <param name="through">What has been applied.</param>
    /// <param name="cancellationToken">Gives it up.</param>
    internal async Task TakeAloneAsync(Generation generation, IntakeHistory? history, SnapshotStore? from, LogSequence through, CancellationToken cancellationToken)
    {
        long started = _time.GetTimestamp();
        _budget.CheckpointBegins();
        long bytes = _log.BytesOnDisk;
        IReadOnlyList<LogSegment> cut = history is null ? [] : Cut(generation, history, cancellationToken);
        var checkpoint = new Checkpoint(generation.Store, generation.Partitions, history ?? IntakeHistory.None(_log.PartitionCount, _time));
        await checkpoint.RunAsync(
            new CheckpointSubject(generation.Fingerprint, generation.Number, history is not null, through) { Floors = generation.Floors },
            generation.ReplacesStore,
            writer => history?.Save(_log, through, writer, from, generation.Catalog, _options.DedupeHorizon, cancellationToken),
            cancellationToken);
        generation.ReplacesStore = false;
        checkpoint.Damage.ForEach(damage => _logger.StateDamaged(damage.Message));
        Truncate(cut);
        _logBytes = bytes;
        _status = _status with { Entities = checkpoint.Entities, Bytes = checkpoint.Bytes, Took = _time.GetElapsedTime(started), LastFailure = null };
    }

    private async Task RunAsync()
    {
        CancellationToken stopping = _stopping.Token;
        long last = _time.GetTimestamp();
        long swept = last;
        while (!stopping.IsCancellationRequested)
        {
            await Background.EitherAsync(Volatile.Read(ref _wanted).Task, Task.Delay(Limits.SweepEvery, _time, stopping));
            Volatile.Write(ref _wanted, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
            if (stopping.IsCancellationRequested)
            {
                return;
            }

            Generation live = _live();
            bool isDue = _time.GetElapsedTime(last) >= _options.CheckpointInterval && _live().History.Through.CompareTo(_applied()) < 0;
            if (isDue || (_budget.WantsCheckpoint && _time.GetElapsedTime(last) >= Limits.CheckpointPause) || _log.BytesOnDisk - _logBytes >= _options.CheckpointLogBytes)
            {
                await TryAsync(() => TakeAsync(stopping), stopping);
                last = _time.GetTimestamp();
            }

            TimeSpan since = _time.GetElapsedTime(swept);
            swept = _time.GetTimestamp();
            await SweepAsync(live, since, stopping);
        }
    }

    /// <summary>One that fails is reported, and tried again in time: the store goes on, only a restart would take longer.</summary>
    private async Task TryAsync(Func<Task> take, CancellationToken cancellationToken)
    {
        try
        {
            await take();
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The store is closing; the next start replays what this one would have saved.
        }
        catch (Exception failure)
        {
            // The top of the loop: a bug of ours must not end it in silence either. Nothing has changed, and what was to be saved waits for the next.
            _status = _status with { Failures = _status.Failures + 1, LastFailure = failure.Message };
            _logger.CheckpointFailed(failure.Message);
        }
    }

    private async Task TakeOfLiveAsync(CancellationToken cancellationToken)
    {
        Generation live = _live();
        await TakeAloneAsync(live, live.History, null, _applied(), cancellationToken);
        await DropRetiredAsync();
    }

    private async Task EnterAsync(CancellationToken cancellationToken)
    {
        await Background.EnterAsync(_one, cancellationToken);
        if (_isClosed)
        {
            _one.Release();
            throw new ObjectDisposedException(nameof(EmbeddedHost), "The store is closing.");
        }
    }

    private async Task SweepAsync(Generation live, TimeSpan since, CancellationToken stopping)
    {
        double share = Math.Min(1, since / _options.EntityIdleAfter);
        foreach (Partition partition in live.Partitions)
        {
            int slots = _budget.IsOver ? partition.SweepSlots : (int)Math.Ceiling(partition.SweepSlots * share);
            for (; slots > 0 && !stopping.IsCancellationRequested; slots -= Limits.SweepSlotsMax)
            {
                partition.Sweep(Math.Min(slots, Limits.SweepSlotsMax));
                await Task.Yield();
            }
        }
    }

    /// <summary>Segments that are older than the raw history to keep and behind a checkpoint that is durable already: what goes with them is noted before they go.</summary>
    private IReadOnlyList<LogSegment> Cut(Generation generation, IntakeHistory history, CancellationToken cancellationToken)
    {
        if (_options.RawHistory is not { } keep || generation.ReplacesStore || generation.Store.Head is not { } durable)
        {
            return [];
        }

        long olderThan = ((_time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond) - (long)keep.TotalMicroseconds;
        IReadOnlyList<LogSegment> cut = _log.Droppable(new LogSequence(durable.Through.Value + 1), olderThan);
        if (cut.Count > 0)
        {
            var through = new LogSequence(cut[^1].Next.Value - 1);
            history.CutThrough(_log, through, cancellationToken);
            if (_live().History is var live && live != history)
            {
                // One that is about to take over is saved; until it has, and if it never does, reads and explanations ask the live one what is missing.
                live.CutThrough(_log, through, cancellationToken);
            }
        }

        return cut;
    }

    private void Truncate(IReadOnlyList<LogSegment> cut)
    {
        if (cut.Count == 0)
        {
            return;
        }

        try
        {
            _log.Truncate(cut[^1].Next, long.MaxValue);
            _logger.HistoryCut(cut.Count, cut[^1].Next.Value);
        }
        catch (LogTruncationException failure)
        {
            // The segments stay for now; the next checkpoint tries again.
            _logger.CheckpointFailed(failure.Message);
        }
    }

    /// <summary>The files of a generation that no longer answers, one checkpoint after it was replaced: no read can still be under way in it.</summary>
    private async Task DropRetiredAsync()
    {
        if (_retired is not { } retired)
        {
            return;
        }

        Partition[] none = [.. Enumerable.Range(0, _log.PartitionCount).Select(_ => new Partition(Domain.Definitions.Catalog.Empty, MemoryBudget.Unlimited))];
        await new Checkpoint(retired, none, IntakeHistory.None(_log.PartitionCount, _time)).RunAsync(
            new CheckpointSubject(0, 0, IsComplete: false, LogSequence.None), replacesAll: true, _ => { }, CancellationToken.None);
        _retired = null;
    }

    private void Want() => Volatile.Read(ref _wanted).TrySetResult();
}

/// <summary>A generation of state that is being built beside the live one, to take its place.</summary>
internal sealed class GenerationChange(Checkpointer checkpoints, Generation live, SnapshotStore place) : IAsyncDisposable
{
    private bool _isDone;
    private bool _rebuildsHistory;

    public Generation Live => live;

    /// <summary>What intake knows, for the next generation.</summary>
    public IntakeHistory History => _rebuildsHistory ? live.History.Forgotten() : live.History.Copy();

    /// <summary>What intake knows is read from the log again, instead of from what was saved.</summary>
    public void RebuildHistory() => _rebuildsHistory = true;

    /// <summary>Where the next one is saved to.</summary>
    public SnapshotStore Place => place;

    /// <summary>Makes what has been built so far durable, so that its entities can sleep.</summary>
    public Task SaveUnfinishedAsync(Generation next, LogSequence through, CancellationToken cancellationToken) =>
        checkpoints.TakeAloneAsync(next, null, null, through, cancellationToken);

    /// <summary>Makes all of it durable: a restart would take it, under its definitions.</summary>
    public Task SaveAsync(Generation next, LogSequence through, CancellationToken cancellationToken) =>
        checkpoints.TakeAloneAsync(next, next.History, live.Store, through, cancellationToken);

    /// <summary>The next one answers now.</summary>
    public void Done() => _isDone = true;

    public async ValueTask DisposeAsync() => await checkpoints.EndChangeAsync(_isDone ? live.Store : place, isUsedByReads: _isDone);
}
