namespace OrleansFeatures.Gateway.Admission;

/// <summary>Why a call was not taken in.</summary>
public enum Shed
{
    /// <summary>It was.</summary>
    None = 0,

    /// <summary>It waited too long for a thread, or would, and so many of its class do that they are the reason: there are more of them than can be answered in time.</summary>
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
/// <param name="crowdPerSecond">From so many on that come out of the thread pool's queue in a second, they are reckoned the reason for a long wait there.</param>
internal sealed class ClassGate(int callsMax, TimeSpan delayMax, int clientShare, int crowdPerSecond)
{
    private readonly long[] _shed = new long[5];
    private long _underWay;
    private long _admitted;
    private long _seenBefore;
    private volatile bool _isCrowd;

    public ClientCalls Clients { get; } = new(Math.Max(1, callsMax / clientShare));

    public long DelayMaxMicros { get; } = (long)delayMax.TotalMicroseconds;

    public long UnderWay => Volatile.Read(ref _underWay);

    public long Admitted => Volatile.Read(ref _admitted);

    /// <summary>
    /// Whether so many calls of this class stood before the last probe that they are why it waited, or a good part of it. When threads are held by other work, a few calls that are shed shorten nobody's wait: they are better
    /// answered late than refused.
    /// </summary>
    public bool IsCrowd => _isCrowd;

    /// <summary>Calls that have come out of the queue so far, taken in or not.</summary>
    private long Seen => UnderWay + Admitted + _shed.Sum();

    public long ShedFor(Shed reason) => Volatile.Read(ref _shed[(int)reason]);

    /// <summary>The probe of <see cref="QueueDelay"/> takes its place in the queue: what comes out from now on stood before it.</summary>
    public void OnProbeQueued() => _seenBefore = Seen;

    /// <summary>It has waited so long until now.</summary>
    public void OnProbeWaited(long micros) => _isCrowd = Seen - _seenBefore >= Math.Max(1, micros * crowdPerSecond / 1_000_000);

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
