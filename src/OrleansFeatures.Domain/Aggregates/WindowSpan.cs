namespace OrleansFeatures.Domain.Aggregates;

/// <summary>The instants of one window at one read, in microseconds: it covers (<paramref name="After"/>, <paramref name="Through"/>].</summary>
/// <param name="AsOf">The instant asked for; a delay lies between it and <paramref name="Through"/>.</param>
/// <param name="After">Where it starts, exclusive; <see cref="NoStart"/> where it has no start in time of its own (the last N events, a lifetime): then it starts with its first event.</param>
/// <param name="Through">Where it ends, inclusive.</param>
internal readonly record struct WindowSpan(long AsOf, long After, long Through)
{
    public const long NoStart = long.MinValue;

    public const double MicrosPerSecond = 1e6;

    /// <summary>Its length, given the time of its first event.</summary>
    public double Seconds(long first) => (double)((Int128)Through - (After == NoStart ? first : After)) / MicrosPerSecond;
}
