namespace OrleansFeatures.Server.Load;

/// <summary>A part of a <see cref="RateProfile"/>: so long, with a rate (per second) that goes evenly from one value to another.</summary>
internal readonly record struct RateSegment(TimeSpan Duration, double From, double To)
{
    /// <summary>Arrivals expected in the segment: the area under the rate.</summary>
    public double Expected => (From + To) / 2 * Duration.TotalSeconds;
}

/// <summary>
/// How many arrivals a second are asked for, over time: a line of segments. It is used the other way round: arrivals are spaced at rate one on
/// a scale of their own, and this maps that scale to time, so that the same spacing (even, or random) serves every profile:
/// <code>
///   rate  ____/¯¯\____        expected(t) = area under the rate up to t
///         time →              TimeOf(n)   = the time at which expected(t) = n
/// </code>
/// </summary>
internal sealed class RateProfile
{
    private readonly RateSegment[] _segments;

    public RateProfile(params RateSegment[] segments)
    {
        ArgumentOutOfRangeException.ThrowIfZero(segments.Length);
        foreach (RateSegment segment in segments)
        {
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(segment.Duration, TimeSpan.Zero);
            ArgumentOutOfRangeException.ThrowIfNegative(segment.From);
            ArgumentOutOfRangeException.ThrowIfNegative(segment.To);
        }

        _segments = segments;
        Duration = segments.Aggregate(TimeSpan.Zero, (sum, segment) => sum + segment.Duration);
        Expected = segments.Sum(segment => segment.Expected);
        Peak = segments.Max(segment => Math.Max(segment.From, segment.To));
    }

    public TimeSpan Duration { get; }

    /// <summary>Arrivals expected in all.</summary>
    public double Expected { get; }

    /// <summary>The highest rate.</summary>
    public double Peak { get; }

    public static RateProfile Constant(double rate, TimeSpan duration) => new(new RateSegment(duration, rate, rate));

    /// <summary>The base rate, within a tenth of the time up to <paramref name="factor"/> times as much, there for a fifth, and back.</summary>
    public static RateProfile Spike(double rate, double factor, TimeSpan duration) => new(
        new RateSegment(duration * 0.3, rate, rate),
        new RateSegment(duration * 0.1, rate, rate * factor),
        new RateSegment(duration * 0.2, rate * factor, rate * factor),
        new RateSegment(duration * 0.1, rate * factor, rate),
        new RateSegment(duration * 0.3, rate, rate));

    /// <summary>When, in nanoseconds from the start, so many arrivals are expected to have come; null when that is beyond the end.</summary>
    public long? TimeOf(double arrivals)
    {
        double before = 0;
        foreach (RateSegment segment in _segments)
        {
            if (arrivals < segment.Expected)
            {
                return (long)((before + SecondsInto(segment, arrivals)) * 1e9);
            }

            arrivals -= segment.Expected;
            before += segment.Duration.TotalSeconds;
        }

        return null;
    }

    /// <summary>The rate's area is from * t + slope / 2 * t^2; solved for t in the form that does not cancel when the slope is small.</summary>
    private static double SecondsInto(RateSegment segment, double arrivals)
    {
        double slope = (segment.To - segment.From) / segment.Duration.TotalSeconds;
        double root = Math.Sqrt(Math.Max(0, (segment.From * segment.From) + (2 * slope * arrivals)));
        return arrivals == 0 ? 0 : 2 * arrivals / (segment.From + root);
    }
}
