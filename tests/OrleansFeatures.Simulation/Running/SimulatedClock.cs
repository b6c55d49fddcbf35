namespace OrleansFeatures.Simulation.Running;

/// <summary>
/// Time that moves when the simulation says so. The wall clock may jump; the one that durations are measured by never does, as on a real machine.
/// </summary>
internal sealed class SimulatedClock : TimeProvider
{
    private const long StartMicros = 1_700_000_000_000_000;
    private readonly List<Timer> _timers = [];
    private long _elapsed;
    private long _jumped;

    /// <summary>When it is in the world outside, whatever the machine's clock says.</summary>
    public long WorldMicros => StartMicros + _elapsed;

    public override long TimestampFrequency => 1_000_000;

    public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddTicks((WorldMicros + _jumped) * TimeSpan.TicksPerMicrosecond);

    public override long GetTimestamp() => _elapsed;

    /// <summary>The machine's clock is set to so much before or after the world's.</summary>
    public void SetAhead(TimeSpan ahead) => _jumped = ahead.Ticks / TimeSpan.TicksPerMicrosecond;

    public void Advance(long micros)
    {
        long until = _elapsed + micros;
        while (_timers.Where(timer => timer.Due <= until).MinBy(timer => timer.Due) is { } due)
        {
            _elapsed = Math.Max(_elapsed, due.Due);
            due.Fire();
        }

        _elapsed = until;
    }

    public bool AdvanceToNextTimer()
    {
        if (_timers.Where(timer => timer.Due != long.MaxValue).MinBy(timer => timer.Due) is not { } next)
        {
            return false;
        }

        Advance(Math.Max(0, next.Due - _elapsed));
        return true;
    }

    public void StopTimers() => _timers.Clear();

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(this, callback, state);
        _timers.Add(timer);
        timer.Change(dueTime, period);
        return timer;
    }

    private sealed class Timer(SimulatedClock clock, TimerCallback callback, object? state) : ITimer
    {
        private long _period;

        public long Due { get; private set; } = long.MaxValue;

        public void Fire()
        {
            Due = _period > 0 ? Due + _period : long.MaxValue;
            callback(state);
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            _period = period > TimeSpan.Zero ? period.Ticks / TimeSpan.TicksPerMicrosecond : 0;
            Due = dueTime < TimeSpan.Zero ? long.MaxValue : clock._elapsed + (dueTime.Ticks / TimeSpan.TicksPerMicrosecond);
            return true;
        }

        public void Dispose() => clock._timers.Remove(this);

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
