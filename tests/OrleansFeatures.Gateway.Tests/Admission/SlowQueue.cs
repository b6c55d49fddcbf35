namespace OrleansFeatures.Gateway.Tests.Admission;

/// <summary>A clock that stands still, and a queue that runs what is in it when a test says so.</summary>
internal sealed class SlowQueue : TimeProvider
{
    private readonly Queue<IThreadPoolWorkItem> _waiting = [];
    private readonly List<Tick> _timers = [];
    private long _now = 1_000_000;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <summary>How many wait.</summary>
    public int Waiting => _waiting.Count;

    public int Queued { get; private set; }

    public void Queue(IThreadPoolWorkItem item)
    {
        Queued++;
        _waiting.Enqueue(item);
    }

    /// <summary>Whoever enters the queue next waits so long, and is run then.</summary>
    public void Delay(TimeSpan delay)
    {
        Fire();
        Pass(delay);
        Run();
    }

    public void Pass(TimeSpan time) => _now += time.Ticks;

    public void Fire()
    {
        foreach (Tick timer in _timers.Where(timer => timer.IsArmed).ToArray())
        {
            timer.Fire();
        }
    }

    public void Run()
    {
        while (_waiting.TryDequeue(out IThreadPoolWorkItem? item))
        {
            item.Execute();
        }
    }

    public override long GetTimestamp() => _now;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Tick(callback, state);
        timer.Change(dueTime, period);
        _timers.Add(timer);
        return timer;
    }

    private sealed class Tick(TimerCallback callback, object? state) : ITimer
    {
        public bool IsArmed { get; private set; }

        public void Fire() => callback(state);

        public bool Change(TimeSpan dueTime, TimeSpan period) => IsArmed = dueTime != Timeout.InfiniteTimeSpan;

        public void Dispose() => IsArmed = false;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
