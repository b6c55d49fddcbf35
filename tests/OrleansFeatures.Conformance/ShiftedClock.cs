namespace OrleansFeatures.Conformance;

/// <summary>The system's clock, ahead by as much as a test says. It runs, because a host waits by it.</summary>
public sealed class ShiftedClock : TimeProvider
{
    private long _aheadTicks;
    private long _setTicks;

    /// <summary>Time goes by, for every clock.</summary>
    public void Advance(TimeSpan by) => Interlocked.Add(ref _aheadTicks, by.Ticks);

    /// <summary>The clock on the wall is set, and nothing else notices.</summary>
    public void Set(TimeSpan by) => Interlocked.Add(ref _setTicks, by.Ticks);

    public override DateTimeOffset GetUtcNow() => System.GetUtcNow().AddTicks(Interlocked.Read(ref _aheadTicks) + Interlocked.Read(ref _setTicks));

    public override long GetTimestamp() => System.GetTimestamp() + (long)(Interlocked.Read(ref _aheadTicks) / (double)TimeSpan.TicksPerSecond * TimestampFrequency);
}
