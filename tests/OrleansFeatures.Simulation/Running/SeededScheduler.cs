using OrleansFeatures.Log;

namespace OrleansFeatures.Simulation.Running;

/// <summary>
/// Runs everything of a simulated store on one thread: of the tasks that are ready, the seed says which is next. What would be a race on threads is here one of many histories, and the
/// same seed gives the same one.
/// </summary>
internal sealed class SeededScheduler(int seed, SimulatedClock clock) : SteppedScheduler
{
    private readonly Random _random = new(seed);
    private readonly int _thread = Environment.CurrentManagedThreadId;
    private readonly List<Task> _ready = [];

    /// <summary>Steps taken so far.</summary>
    public long Steps { get; private set; }

    /// <summary>Where some code came back from another thread: the history is then no longer the seed's alone. Null as long as none did.</summary>
    public string? Escape { get; private set; }

    /// <summary>Starts a task among the steps.</summary>
    public Task Start(Func<Task> work) => Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.DenyChildAttach, this).Unwrap();

    public Task<T> Start<T>(Func<Task<T>> work) => Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.DenyChildAttach, this).Unwrap();

    /// <summary>Takes one step; where nothing is ready, time goes on to the next timer. False when there is nothing to come.</summary>
    public bool Step()
    {
        while (_ready.Count == 0)
        {
            if (!clock.AdvanceToNextTimer())
            {
                return false;
            }
        }

        int chosen = _random.Next(_ready.Count);
        Task task = _ready[chosen];
        _ready[chosen] = _ready[^1];
        _ready.RemoveAt(_ready.Count - 1);
        Steps++;
        clock.Advance(_random.Next(Bounds.StepMicrosMax));
        TryExecuteTask(task);
        return true;
    }

    /// <summary>The process dies: nothing that was under way goes on.</summary>
    public void Kill()
    {
        _ready.Clear();
        clock.StopTimers();
    }

    protected override void QueueTask(Task task)
    {
        if (Environment.CurrentManagedThreadId != _thread)
        {
            Escape ??= Environment.StackTrace;
        }

        lock (_ready)
        {
            _ready.Add(task);
        }
    }

    /// <summary>Never within another: each is a step of its own.</summary>
    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => false;

    protected override IEnumerable<Task> GetScheduledTasks() => _ready;
}
