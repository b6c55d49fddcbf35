namespace Grpc.Headers;

/// <summary>
/// Runs a callback once when an instant has come, however far away it is: a runtime timer reaches 49 days, so this one is armed in steps.
/// How much is left is read off the wall clock once, and from then on measured: a clock that is set back must not make a call live longer.
/// Disposing does not wait for a callback under way; the callback's owner decides who was first.
/// </summary>
internal sealed class DeadlineTimer : IDisposable
{
    private readonly TimeProvider _time;
    private readonly TimeSpan _left;
    private readonly long _began;
    private readonly Action<object> _callback;
    private readonly object _state;
    private readonly ITimer _timer;

    public DeadlineTimer(TimeProvider time, DateTime deadlineUtc, Action<object> callback, object state)
    {
        (_time, _callback, _state) = (time, callback, state);
        (_left, _began) = (deadlineUtc - time.GetUtcNow().UtcDateTime, time.GetTimestamp());
        _timer = time.CreateTimer(static timer => ((DeadlineTimer)timer!).Tick(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

        // Armed in a second step: a timer that fired inside CreateTimer would find _timer unset.
        _timer.Change(NextStep(), Timeout.InfiniteTimeSpan);
    }

    public void Dispose() => _timer.Dispose();

    private TimeSpan NextStep()
    {
        var left = _left - _time.GetElapsedTime(_began);
        if (left <= TimeSpan.Zero)
        {
            return TimeSpan.Zero;
        }

        // Timers count whole milliseconds and cut the rest; one more avoids waking just before the deadline.
        return left < Limits.TimerStep ? left + TimeSpan.FromMilliseconds(1) : Limits.TimerStep;
    }

    private void Tick()
    {
        var step = NextStep();
        if (step == TimeSpan.Zero)
        {
            _callback(_state);
        }
        else
        {
            _timer.Change(step, Timeout.InfiniteTimeSpan);
        }
    }
}
