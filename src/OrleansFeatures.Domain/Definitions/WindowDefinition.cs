namespace OrleansFeatures.Domain.Definitions;

public enum WindowKind : byte
{
    /// <summary>The last so much time: (T - width, T].</summary>
    Sliding,

    /// <summary>The calendar window that T lies in, from its start through T: today, this hour, this week.</summary>
    Tumbling,

    /// <summary>The run of events up to T in which no pause is longer than the gap; empty when T itself lies further than the gap behind the last event.</summary>
    Session,

    /// <summary>The newest N events at or before T, however old.</summary>
    Count,

    /// <summary>Everything at or before T.</summary>
    Lifetime,
}

/// <summary>Calendar lengths that are no fixed number of seconds, or do not start where multiples of a day would.</summary>
public enum CalendarUnit : byte
{
    None,

    /// <summary>From Monday.</summary>
    Week,
    Month,
}

/// <summary>
/// Which events a feature covers, as written. Every kind may be delayed by d, which reads it at T - d. In YAML:
/// <code>
///   window: 1d                                            sliding
///   window: {tumbling: 1d, time_zone: Europe/Zurich}      tumbling; also week, month
///   window: {session: 30m, max: 1d}                       session
///   window: {last: 100}                                   count
///   window: lifetime                                      lifetime
/// </code>
/// </summary>
public sealed record WindowDefinition
{
    /// <summary>What a session may span when the definition does not say: what begins earlier is cut off.</summary>
    public static readonly Duration SessionMaxDefault = Duration.Days(1);

    private WindowDefinition(WindowKind kind) => Kind = kind;

    public WindowKind Kind { get; }

    /// <summary>Sliding: its width. Tumbling: its length, zero where <see cref="Unit"/> says it. Session: the longest it may span.</summary>
    public Duration Width { get; private init; }

    /// <summary>Session: a longer pause ends it.</summary>
    public Duration Gap { get; private init; }

    /// <summary>Count: how many events.</summary>
    public int Events { get; private init; }

    /// <summary>Tumbling by weeks or months.</summary>
    public CalendarUnit Unit { get; private init; }

    /// <summary>Tumbling: the IANA name of the zone in which days begin at midnight.</summary>
    public string TimeZone { get; private init; } = "UTC";

    public static WindowDefinition Lifetime { get; } = new(WindowKind.Lifetime);

    public static implicit operator WindowDefinition(Duration width) => Sliding(width);

    public static WindowDefinition Sliding(Duration width) => new(WindowKind.Sliding) { Width = width };

    public static WindowDefinition Tumbling(Duration length, string timeZone = "UTC") => new(WindowKind.Tumbling) { Width = length, TimeZone = timeZone };

    public static WindowDefinition Tumbling(CalendarUnit unit, string timeZone = "UTC") => new(WindowKind.Tumbling) { Unit = unit, TimeZone = timeZone };

    public static WindowDefinition Session(Duration gap, Duration? max = null) => new(WindowKind.Session) { Gap = gap, Width = max ?? SessionMaxDefault };

    public static WindowDefinition Last(int events) => new(WindowKind.Count) { Events = events };

    /// <summary>Tumbling: its length as definitions spell it: "1d", "week", "month".</summary>
    public string Length => Unit == CalendarUnit.None ? Width.ToString() : Unit == CalendarUnit.Week ? "week" : "month";

    /// <summary>As a reader says it: "1d", "tumbling 1d Europe/Zurich", "session 30m max 1d", "last 100", "lifetime".</summary>
    public override string ToString() => Kind switch
    {
        WindowKind.Sliding => Width.ToString(),
        WindowKind.Tumbling => $"tumbling {Length} {TimeZone}",
        WindowKind.Session => $"session {Gap} max {Width}",
        WindowKind.Count => $"last {Events}",
        _ => "lifetime",
    };
}

/// <summary>
/// What a feature promises when its entity outgrows its memory budget: raw events are kept, and values exact, for at least <paramref name="ExactFor"/> of event time as
/// long as the budget allows; what is older may be summed up in hops of <paramref name="Hop"/>, and values that such a hop blurs are APPROXIMATE.
/// </summary>
public sealed record AccuracyDefinition(Duration ExactFor, Duration Hop);
