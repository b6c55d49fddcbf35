using OrleansFeatures.Entities.Embedded;
using OrleansFeatures.Log;
using OrleansFeatures.Log.Tests.Faults;
using OrleansFeatures.Simulation.Checking;
using OrleansFeatures.Simulation.Running;
using OrleansFeatures.Simulation.Workload;

namespace OrleansFeatures.Simulation;

/// <summary>Ways to break the store on purpose, to see that the simulation notices. None of them exists outside this project.</summary>
internal sealed record Sabotage
{
    /// <summary>What the store gets for a disk.</summary>
    public Func<ILogDevice, ILogDevice> Disk { get; init; } = static disk => disk;

    /// <summary>What is done to a store that has just been started.</summary>
    public Action<EmbeddedHost> Host { get; init; } = static _ => { };
}

/// <summary>How a seed ended.</summary>
/// <param name="Violation">Null if every promise was kept; else what was broken, the faults and the last steps.</param>
internal sealed record SeedResult(int Seed, string? Violation, ulong TraceHash, Tally Tally);

/// <summary>
/// One seed: a whole store (the production code: host, log, intake, partitions, actors) on a disk in memory, under a clock and a scheduler of the seed's, with clients that push and read. It
/// lives several lives; each but the last ends as a machine or a process ends. After every recovery everything is checked:
/// <code>
///   start ──> check ──> work ──> power loss | kill | failed sync | orderly stop ──> start ──> check ──> ...
///     └──────── the same may happen while it starts ────────────┘
/// </code>
/// </summary>
internal sealed class StoreSimulation
{
    private readonly int _seed;
    private readonly Sabotage _sabotage;
    private readonly Random _random;
    private readonly SimulatedClock _clock = new();
    private readonly SeededScheduler _scheduler;
    private readonly FaultyLogDevice _disk;
    private readonly Trace _trace = new();
    private readonly Tally _tally = new() { Seeds = 1 };
    private readonly World _world;
    private readonly EmbeddedHostOptions _options;
    private readonly Client[] _clients;
    private readonly Checker _checker;
    private readonly BitFlips _flips;
    private readonly ErrorCatcher _errors = new();
    private bool _isAtRest;
    private ViolationException? _violation;

    private StoreSimulation(int seed, Sabotage sabotage)
    {
        (_seed, _sabotage, _random) = (seed, sabotage, new Random(seed));
        _scheduler = new SeededScheduler(_random.Next(), _clock);
        _disk = new FaultyLogDevice(_random.Next()) { HasDirectories = true, OnStep = BeforeStep };
        _world = World.Draw(_random);
        _options = StoreOptions.Draw(_random);
        _trace.Fault($"{_options}");
        _flips = new BitFlips(_random.Next(), _disk, _trace, _tally);
        _errors.IsOfDamage = _flips.Explains;
        _errors.Explained = (isDamage, error) =>
        {
            _trace.Fault(error);
            _flips.CallForReplay |= isDamage;
        };
        var readings = new Readings(_world, _options.RawHistory is not null, _trace, _tally);
        var shared = new SharedPromises();
        int contention = _random.Next(4) == 0 ? 1 : 9;
        _clients = [.. Enumerable.Range(0, Bounds.Clients).Select(number => new Client(number, contention, _random.Next(), _clock, _trace, _tally, _flips, shared, readings))];
        _checker = new Checker(_world, _options, _clock, _random.Next(), readings, shared, _clients, _tally);
    }

    /// <summary>Before the log's manifest changes, its oldest segments are still there: what they hold must be known, or nothing that follows from it could be judged.</summary>
    private void BeforeStep(string operation)
    {
        _trace.Note($"disk: {operation}");
        if (operation.Contains("entry log.manifest", StringComparison.Ordinal))
        {
            AbsorbWhatMayGo();
        }
    }

    private void AbsorbWhatMayGo()
    {
        if (_options.RawHistory is not null)
        {
            try
            {
                _checker.Absorb(_disk.SyncedFiles);
            }
            catch (ViolationException violation)
            {
                _violation ??= violation; // The store would take it for a failure of its disk.
            }
        }
    }

    private long Batches => _clients.Sum(client => client.Batches);

    /// <summary>Runs one seed on the calling thread.</summary>
    public static SeedResult Run(int seed, Sabotage? sabotage = null)
    {
        SynchronizationContext? outside = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null); // It would be captured in place of the scheduler.
        try
        {
            return new StoreSimulation(seed, sabotage ?? new Sabotage()).Run();
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(outside);
        }
    }

    private SeedResult Run()
    {
        string? violation = null;
        try
        {
            for (int lives = _random.Next(3, 8); lives > 0; lives--)
            {
                Live();
            }

            RunTo(LastLifeAsync);
        }
        catch (Exception broken) // Whatever it is: nothing that the store throws at us here is expected.
        {
            violation = $"{(broken is ViolationException ? broken.Message : broken)}{Environment.NewLine}{_trace}";
            _tally.Violations++;
        }

        _tally.Steps = _scheduler.Steps;
        _tally.Batches = Batches;
        _tally.CheckpointsFailed = _errors.CheckpointsFailed;
        return new SeedResult(_seed, violation is null ? null : $"seed {_seed}: {violation}", _trace.Hash, _tally);
    }

    /// <summary>From one start to one end.</summary>
    private void Live()
    {
        if (_isAtRest && _random.Next(3) == 0)
        {
            StartDamaged();
        }

        _isAtRest = false;
        _errors.IsTroubled = () => _disk.FailAt < int.MaxValue || _disk.PowerLossAt < int.MaxValue;
        Ending ending = (Ending)_random.Next(5);
        bool early = _random.Next(4) == 0;
        if (early)
        {
            Arm(ending, 30);
        }

        EmbeddedHost? host = TryStart();
        if (host is not null && TryMend(host) && TryRun(() => _checker.CheckAsync(host, _disk.Files)))
        {
            if (!early)
            {
                Arm(ending, 300);
            }

            Work(host, ending);
        }

        Restart();
    }

    /// <summary>
    /// A bit has changed while the store was at rest: it does not start, or it starts and whatever it answers is right. (Behind a crash that would be too much to ask: a torn end of the log and a
    /// damaged one look alike.)
    /// </summary>
    private void StartDamaged()
    {
        IReadOnlyDictionary<string, byte[]> sound = _disk.Files;
        _flips.Flip();
        if (!_flips.IsActive)
        {
            return;
        }

        _tally.BitFlipsAtRest++;
        try
        {
            EmbeddedHost? host = null;
            RunTo(async () => host = await StartAsync(_options));
            RunTo(() => _checker.CheckAsync(host!, sound));
        }
        catch (Exception damage) when (BitFlips.IsOfDamage(damage))
        {
            _trace.Note($"damage was met: {damage.Message}");
            _tally.BitFlipsDetected++;
        }

        _flips.Restore();
        _flips.Forget();
        _scheduler.Kill();
        _errors.Forget();
        _disk.RestartProcess();
        _disk.SetFiles(sound);
    }

    /// <summary>Where damage was met, the operator does what the store asked for.</summary>
    private bool TryMend(EmbeddedHost host)
    {
        if (!_flips.CallForReplay)
        {
            return true;
        }

        try
        {
            if (!TryRun(async () => await host.ReplayAsync(new LogSequence(0), null, CancellationToken.None)))
            {
                return false;
            }
        }
        catch (LogException failure) when (_disk.FailAt < int.MaxValue)
        {
            _trace.Fault($"state could not be replayed: {failure.Message}");
            return false;
        }

        _flips.CallForReplay = false;
        _tally.Replays++;
        return true;
    }

    /// <summary>Power fails, or an operation of the disk does, so many operations from now at most.</summary>
    private void Arm(Ending ending, int operations)
    {
        if (ending is Ending.PowerLoss or Ending.PowerLossAtWork)
        {
            _disk.PowerLossAt = _disk.Operations + 1 + _random.Next(operations);
        }
        else if (ending == Ending.FailedOperation)
        {
            _disk.FailAt = _disk.Operations + 1 + _random.Next(operations);
        }
    }

    private EmbeddedHost? TryStart()
    {
        EmbeddedHost? host = null;
        int failures = _disk.Failures;
        bool started;
        try
        {
            started = TryRun(async () => host = await StartAsync(_options));
        }
        catch (Exception failure) when (_disk.Failures > failures && failure is IOException or LogException)
        {
            _trace.Fault($"the store did not start: {failure.Message}");
            return null;
        }

        return started ? host : null;
    }

    private async Task<EmbeddedHost> StartAsync(EmbeddedHostOptions options)
    {
        EmbeddedHost host = await EmbeddedHost.StartAsync(_sabotage.Disk(_disk), options, _world.InForce, _clock, _errors, CancellationToken.None);
        _sabotage.Host(host);
        _tally.Recoveries++;
        return host;
    }

    /// <summary>Clients come, an operator does what operators do, until the end comes.</summary>
    private void Work(EmbeddedHost host, Ending ending)
    {
        bool stopping = false;
        long end = Batches + _random.Next(4, 80);
        Task[] clients = [.. _clients.Select(client => _scheduler.Start(() => client.RunAsync(host, () => stopping)))];
        Troubles troubles = new(_random.Next(), _clock, _disk, _flips, _world, AbsorbWhatMayGo, _trace, _tally) { HaveOccurred = _disk.PowerLossAt < int.MaxValue || _disk.FailAt < int.MaxValue };
        _errors.IsTroubled = () => troubles.HaveOccurred;
        Task operators = _scheduler.Start(() => troubles.RunAsync(host, () => stopping));
        long patience = _scheduler.Steps + Bounds.StepsPerLifeMax; // A store that is full of state refuses events for good.
        bool IsOver() => Batches >= end || _scheduler.Steps >= patience || host.Poisoned is not null;
        if (!TryRunWhile(() => !IsOver(), [.. clients, operators]))
        {
            return;
        }

        troubles.End();
        if (ending is Ending.Kill)
        {
            return;
        }

        stopping = true;
        if (TryRun(() => Task.WhenAll([.. clients, operators, _random.Next(2) == 0 ? host.DisposeAsync().AsTask() : Task.CompletedTask])) && TryRun(() => host.DisposeAsync().AsTask()))
        {
            // A log that has met a failing disk stops without a word on how far it is durable, as in a crash.
            _isAtRest = host.Poisoned is null;
            _tally.OrderlyStops += _isAtRest ? 1 : 0;
            _trace.Note($"the store has stopped{(_isAtRest ? "" : $": {host.Poisoned!.Message}")}");
        }
    }

    /// <summary>The process is gone, and the machine too if its power is.</summary>
    private void Restart()
    {
        _scheduler.Kill();
        _flips.Restore();
        _flips.Forget();
        _disk.Capacity = long.MaxValue;
        if (_errors.Error is { } error)
        {
            throw new ViolationException($"the store logged an error: {error}");
        }

        if (_disk.IsDead)
        {
            CrashLosses losses = _disk.RestartMachine(_random.NextDouble());
            _trace.Fault($"power lost: {losses}");
            _tally.PowerLosses++;
            _tally.TornWrites += losses.TornSectors;
            _tally.LostWrites += losses.LostSectors;
            _tally.LostNames += losses.LostNames;
        }
        else
        {
            long failed = _disk.Failures - _tally.FailedOperations;
            _trace.Fault(failed > 0 ? "process restarted after an operation of the disk had failed" : "process restarted");
            _tally.Kills++;
            _tally.FailedOperations += failed;
            _disk.RestartProcess();
        }
    }

    /// <summary>With memory enough, so that every batch gets in at last.</summary>
    private async Task LastLifeAsync()
    {
        EmbeddedHost host = await StartAsync(_options with { MemoryBudgetBytes = StoreOptions.MemoryBudgetNone });
        if (_flips.CallForReplay)
        {
            await host.ReplayAsync(new LogSequence(0), null, CancellationToken.None);
        }

        await _checker.CheckAsync(host, _disk.Files);
        foreach (Client client in _clients)
        {
            await client.RunAsync(host, () => client.Open.Count == 0);
        }

        await _checker.CheckAsync(host, _disk.Files);
        await host.DisposeAsync();
    }

    private void RunTo(Func<Task> work)
    {
        if (!TryRun(work))
        {
            throw new ViolationException("the disk failed although nothing was armed");
        }
    }

    /// <summary>Steps until the work is done; false if the power failed before.</summary>
    private bool TryRun(Func<Task> work)
    {
        Task task = _scheduler.Start(work);
        bool isAlive = TryRunWhile(() => !task.IsCompleted, task);
        if (isAlive)
        {
            task.GetAwaiter().GetResult();
        }

        return isAlive;
    }

    private bool TryRunWhile(Func<bool> goOn, params Task[] watched)
    {
        long stuck = _scheduler.Steps + Bounds.StuckSteps;
        while (goOn())
        {
            if (_disk.IsDead)
            {
                return false;
            }

            if (!_scheduler.Step() || _scheduler.Steps > stuck)
            {
                throw new ViolationException("nothing goes on: every task waits for another");
            }

            if (_violation is not null)
            {
                throw _violation;
            }

            if (_scheduler.Escape is { } escape)
            {
                throw new ViolationException($"something came back from another thread: {escape}");
            }

            foreach (Task task in watched)
            {
                if (task.IsFaulted && !_disk.IsDead)
                {
                    task.GetAwaiter().GetResult();
                }
            }
        }

        return !_disk.IsDead;
    }
}

/// <summary>How a life of the store ends.</summary>
internal enum Ending
{
    PowerLoss,
    Kill,
    FailedOperation,
    OrderlyStop,

    /// <summary>Power again: it is the one that finds most.</summary>
    PowerLossAtWork,
}
