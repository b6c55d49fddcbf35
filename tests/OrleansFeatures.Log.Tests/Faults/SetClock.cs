namespace OrleansFeatures.Log.Tests.Faults;

/// <summary>A clock that stands where the test puts it, back and forth. Timestamps, which measure delays, move only when told to.</summary>
internal sealed class SetClock(DateTimeOffset now) : TimeProvider
{
    private long _utcTicks = now.UtcTicks;
    private long _timestamp;

    public DateTimeOffset Now
    {
        get => new(Volatile.Read(ref _utcTicks), TimeSpan.Zero);
        set => Volatile.Write(ref _utcTicks, value.UtcTicks);
    }

    /// <summary>As the log writes it.</summary>
    public long Micros => (Now - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => Now;

    public override long GetTimestamp() => Volatile.Read(ref _timestamp);

    public void Elapse(TimeSpan time) => Interlocked.Add(ref _timestamp, time.Ticks);
}
