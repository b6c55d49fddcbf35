using OrleansFeatures.Server.Demo;

namespace OrleansFeatures.Server.Load;

/// <summary>How arrivals are spaced.</summary>
internal enum Spacing
{
    /// <summary>As strangers come: independent of each other, so in bursts too. What a server meets.</summary>
    Poisson,

    /// <summary>Evenly, as a metronome ticks.</summary>
    Even,
}

/// <summary>
/// The instants at which requests are due, in nanoseconds from the start, ascending: drawn from a rate and a seed, and from nothing that
/// happens in the run. Not thread-safe.
/// </summary>
internal sealed class Arrivals(RateProfile profile, Spacing spacing, ulong seed)
{
    private readonly SeededRandom _random = new(seed);
    private double _expected;
    private bool _started;

    public RateProfile Profile { get; } = profile;

    /// <summary>The next instant, or null after the last.</summary>
    public long? Next()
    {
        // Even spacing begins with the start itself; a random one with its first gap.
        _expected += spacing == Spacing.Poisson ? _random.Exponential(1) : _started ? 1 : 0;
        _started = true;
        return Profile.TimeOf(_expected);
    }
}
