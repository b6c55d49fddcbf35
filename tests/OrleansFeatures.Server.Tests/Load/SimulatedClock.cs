using OrleansFeatures.Server.Load;

namespace OrleansFeatures.Server.Tests.Load;

/// <summary>Time that passes only when someone waits: then whatever is planned until that instant happens, in order. One thread.</summary>
internal sealed class SimulatedClock : ILoadClock
{
    private readonly PriorityQueue<Action, (long Instant, long Order)> _planned = new();
    private long _order;

    public long Now { get; private set; }

    public TimeSpan CpuTime => TimeSpan.Zero;

    public void At(long instant, Action action) => _planned.Enqueue(action, (instant, _order++));

    public void SleepUntil(long instant)
    {
        while (HappensUntil(instant))
        {
        }

        Now = Math.Max(Now, instant);
    }

    public bool Take(SemaphoreSlim permits, long until)
    {
        while (!permits.Wait(0))
        {
            if (!HappensUntil(until))
            {
                Now = Math.Max(Now, until);
                return false;
            }
        }

        return true;
    }

    private bool HappensUntil(long instant)
    {
        if (!_planned.TryPeek(out Action? action, out (long Instant, long Order) next) || next.Instant > instant)
        {
            return false;
        }

        _planned.Dequeue();
        Now = Math.Max(Now, next.Instant);
        action();
        return true;
    }
}
