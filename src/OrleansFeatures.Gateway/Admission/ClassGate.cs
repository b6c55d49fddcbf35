namespace OrleansFeatures.Gateway.Admission;

/// <summary>Why a call was not taken in.</summary>
public enum Shed
{
    /// <summary>It was.</summary>
    None = 0,

    /// <summary>It waited too long for a thread, or would: there are more calls than can be answered in time.</summary>
    Queue = 1,

    /// <summary>Too many of its class are under way.</summary>
    Calls = 2,

    /// <summary>Too many of its client are.</summary>
    Client = 3,

    /// <summary>Its deadline has passed, or its client has gone, while it waited for a thread.</summary>
    Late = 4,
}

/// <summary>Counts the calls of one class. Any thread; a call costs two additions to one counter, which is all that cores share here.</summary>
internal sealed class ClassGate(int callsMax, TimeSpan delayMax, int clientShare)
{
    private readonly long[] _shed = new long[5];
    private long _underWay;
    private long _admitted;

    public ClientCalls Clients { get; } = new(Math.Max(1, callsMax / clientShare));

    public long DelayMaxMicros { get; } = (long)delayMax.TotalMicroseconds;

    public long UnderWay => Volatile.Read(ref _underWay);

    public long Admitted => Volatile.Read(ref _admitted);

    public long ShedFor(Shed reason) => Volatile.Read(ref _shed[(int)reason]);

    /// <summary>After <see langword="true"/>, <see cref="Leave"/> once.</summary>
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

    public void Count(Shed reason) => Interlocked.Increment(ref _shed[(int)reason]);
}
