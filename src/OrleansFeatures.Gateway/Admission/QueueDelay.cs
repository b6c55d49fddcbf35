namespace OrleansFeatures.Gateway.Admission;

/// <summary>
/// How long a call waits for a thread before anything of ours sees it. That is where an overloaded server's queue is: HTTP/2 puts every call it has read the headers of into the thread pool's queue, and a lookup, once
/// it runs, does not wait for anything. So no count of calls under way tells of it. A probe does, which takes its place in the same queue:
/// <code>
///   tick ── queues the probe ──┐          a tick that finds it still waiting knows at least how long so far; timers do not wait in that queue
///                              └─ waits as calls do ─ runs: that long
/// </code>
/// What comes out of the queue meanwhile stood before it, so the gates can tell whose calls it waited for. While nobody calls there are no ticks. Any thread.
/// </summary>
internal sealed class QueueDelay : IThreadPoolWorkItem, IDisposable
{
    private readonly TimeProvider _time;
    private readonly ClassGate[] _gates;
    private readonly Action<IThreadPoolWorkItem> _queue;
    private readonly ITimer _ticks;
    private long _queuedAt;
    private long _micros;
    private long _previousMicros;
    private long _standingMicros;
    private int _isWaiting;
    private int _isAwake;
    private volatile bool _isUsed;
    private int _idleTicks;

    /// <param name="time">Measures, and ticks.</param>
    /// <param name="gates">Are told of each probe, before what it measured can be read.</param>
    /// <param name="queue">Where calls wait; null for the thread pool's queue.</param>
    public QueueDelay(TimeProvider time, ClassGate[] gates, Action<IThreadPoolWorkItem>? queue = null)
    {
        (_time, _gates, _queue) = (time, gates, queue ?? (static probe => ThreadPool.UnsafeQueueUserWorkItem(probe, preferLocal: false)));
        _ticks = time.CreateTimer(static delay => ((QueueDelay)delay!).Tick(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>In microseconds. To be asked once for each call: that keeps the probe going. Costs some nanoseconds.</summary>
    public long Micros
    {
        get
        {
            if (!_isUsed)
            {
                Use();
            }

            return Volatile.Read(ref _micros);
        }
    }

    /// <summary>
    /// What the last two probes both waited at least: the queue stands. One long wait alone is a stall, of the machine or of the garbage collector, behind which the queue empties by itself; to refuse calls then would answer a
    /// stall with failures. (The least of an interval, not the last: Nichols and Jacobson, Controlling Queue Delay, 2012.)
    /// </summary>
    public long StandingMicros => Volatile.Read(ref _standingMicros);

    /// <summary>How long the last probe has waited, for whoever only looks.</summary>
    public long LastMicros => Volatile.Read(ref _micros);

    /// <summary>The probe's turn has come.</summary>
    void IThreadPoolWorkItem.Execute()
    {
        long waited = MicrosSince(Volatile.Read(ref _queuedAt));
        Volatile.Write(ref _micros, waited);
        Judge(waited);
        Volatile.Write(ref _isWaiting, 0);
    }

    public void Dispose() => _ticks.Dispose();

    private void Use()
    {
        _isUsed = true;
        if (Interlocked.Exchange(ref _isAwake, 1) == 0)
        {
            _ticks.Change(TimeSpan.Zero, Limits.QueueDelayLook);
        }
    }

    private void Tick()
    {
        if (Volatile.Read(ref _isWaiting) != 0)
        {
            // What it says so far can be long enough already, but not short enough: until it has run, the one before it counts.
            long sofar = MicrosSince(Volatile.Read(ref _queuedAt));
            if (sofar > Volatile.Read(ref _micros))
            {
                Volatile.Write(ref _micros, sofar);
            }

            if (Math.Min(sofar, _previousMicros) > StandingMicros)
            {
                Judge(sofar);
            }

            return;
        }

        _idleTicks = _isUsed ? 0 : _idleTicks + 1;
        _isUsed = false;
        if (_idleTicks > Limits.QueueDelayIdleLooks)
        {
            // Whoever comes between the two lines finds it awake still, and the call after that one wakes it: a look more or less does not matter.
            _idleTicks = 0;
            _ticks.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            Volatile.Write(ref _isAwake, 0);
            return;
        }

        _previousMicros = Volatile.Read(ref _micros);
        Array.ForEach(_gates, static gate => gate.OnProbeQueued());
        Volatile.Write(ref _queuedAt, _time.GetTimestamp());
        Volatile.Write(ref _isWaiting, 1);
        _queue(this);
    }

    private void Judge(long waited)
    {
        foreach (ClassGate gate in _gates)
        {
            gate.OnProbeWaited(waited);
        }

        Volatile.Write(ref _standingMicros, Math.Min(waited, _previousMicros));
    }

    private long MicrosSince(long timestamp) => (long)_time.GetElapsedTime(timestamp).TotalMicroseconds;
}
