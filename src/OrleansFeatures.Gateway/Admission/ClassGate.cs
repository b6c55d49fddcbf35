namespace OrleansFeatures.Gateway.Admission;

/// <summary>Why a call was not taken in.</summary>
public enum Shed
{
    /// <summary>It was.</summary>
    None = 0,

    /// <summary>It waited too long for a thread, or would, and so many of its class do that they are the reason: there are more of them than can be answered in time. Or too little of its own time was left to begin it.</summary>
    Queue = 1,

    /// <summary>Too many of its class are under way.</summary>
    Calls = 2,

    /// <summary>Too many of its client are.</summary>
    Client = 3,

    /// <summary>Its deadline has passed, or its client has gone, while it waited for a thread.</summary>
    Late = 4,
}

/// <summary>Counts the calls of one class. Any thread; a call costs two additions to one counter, which is all that cores share here.</summary>
/// <param name="callsMax">Under way at once.</param>
/// <param name="delayMax">How long one may wait for a thread while they are a crowd.</param>
/// <param name="clientShare">One client that gives its name may have one part in so many of <paramref name="callsMax"/>.</param>
/// <param name="crowd">Says when they are reckoned the reason for a long wait.</param>
internal sealed class ClassGate(int callsMax, TimeSpan delayMax, int clientShare, Crowd crowd)
{
    private readonly long[] _shed = new long[5];
    private long _underWay;
    private long _admitted;

    public ClientCalls Clients { get; } = new(Math.Max(1, callsMax / clientShare));

    public long DelayMaxMicros { get; } = (long)delayMax.TotalMicroseconds;

    public long UnderWay => Volatile.Read(ref _underWay);

    public long Admitted => Volatile.Read(ref _admitted);

    /// <summary>Whether so much of this class stood before the last probe that it is why the probe waited, or a good part of it.</summary>
    public bool IsCrowd => crowd.IsThere;

    public long ShedFor(Shed reason) => Volatile.Read(ref _shed[(int)reason]);

    /// <summary>The probe of <see cref="QueueDelay"/> takes its place in the queue: what comes out from now on stood before it.</summary>
    public void OnProbeQueued() => crowd.OnProbeQueued(UnderWay + Admitted, _shed.Sum());

    /// <summary>It has waited so long until now.</summary>
    public void OnProbeWaited(long micros) => crowd.OnProbeWaited(micros, UnderWay + Admitted, _shed.Sum());

    /// <summary>After <see langword="true"/>, <see cref="Leave"/> or <see cref="Forget"/> once.</summary>
    public bool TryEnter()
    {
        if (Interlocked.Increment(ref _underWay) <= callsMax)
        {
            return true;
        }

        Interlocked.Decrement(ref _underWay);
        return false;
    }

    public void Leave()
    {
        Interlocked.Decrement(ref _underWay);

        // Beside the counter that was just written, in the same line of the cache.
        Interlocked.Increment(ref _admitted);
    }

    /// <summary>Instead of <see cref="Leave"/>, of a call that was shed after it had entered: it was not taken in.</summary>
    public void Forget() => Interlocked.Decrement(ref _underWay);

    public void Count(Shed reason) => Interlocked.Increment(ref _shed[(int)reason]);
}
