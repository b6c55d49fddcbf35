namespace OrleansFeatures.Server.Load;

/// <summary>Time as the pacing thread sees it: the world, or a simulation of it. Called by that one thread; <see cref="Now"/> by any.</summary>
internal interface ILoadClock
{
    /// <summary>Nanoseconds since some instant; never goes back.</summary>
    long Now { get; }

    /// <summary>What this process has used of its processors so far.</summary>
    TimeSpan CpuTime { get; }

    /// <summary>Returns at that instant or as little later as can be; at once when it has passed.</summary>
    void SleepUntil(long instant);

    /// <summary>Takes a permit, waiting for one until that instant at most; false when none came.</summary>
    bool Take(SemaphoreSlim permits, long until);
}
