namespace OrleansFeatures.Domain.Definitions;

/// <summary>How far back of the instant asked for a window may look, and which windows are possible.</summary>
internal static class WindowReach
{
    private const long MonthMicros = 31 * DayMicros;
    private const long WeekMicros = 7 * DayMicros;
    private const long DayMicros = 86_400_000_000;

    /// <summary>What a window gains when the local clock is set back in it: an hour nearly everywhere, seven at Vostok station in January 1994, so eight.</summary>
    private const long ClockSetBackMaxMicros = 8 * 3_600_000_000L;

    /// <summary>Delay included. Count and lifetime windows look back by events and not by time: only their delay counts here.</summary>
    public static long Micros(WindowPlan plan) => plan.Delay.Micros + Micros(plan.Window);

    /// <summary>Null when the window is possible; else what is wrong, and what would be right.</summary>
    public static (string Message, string Suggestion)? Refuse(WindowDefinition window, Duration delay)
    {
        if (delay.Micros < 0)
        {
            return ($"a delay of {delay} is not possible", "0s or more: a delay leaves the newest events out");
        }

        if (window.Kind == WindowKind.Count && window.Events is < 1 or > Limits.CountWindowMax)
        {
            return ($"a window of the last {window.Events} events is not possible", $"1 to {Limits.CountWindowMax}");
        }

        if (window.Kind == WindowKind.Session && (window.Gap.Micros <= 0 || window.Gap.Micros > window.Width.Micros))
        {
            return ($"a session with a gap of {window.Gap} and a span of at most {window.Width} is not possible", "a gap above zero, and at most as long as the span");
        }

        if (window.Kind == WindowKind.Tumbling && window.Unit == CalendarUnit.None && !IsCalendarLength(window.Width.Micros))
        {
            return ($"tumbling windows of {window.Width} would not begin at the same time every day", "a length that divides a day, a number of days, week or month");
        }

        long own = window.Kind is WindowKind.Count or WindowKind.Lifetime ? 1 : Micros(window);
        return own <= 0 || own + delay.Micros > Limits.WindowReachMaxMicros
            ? ($"a window of {window} with a delay of {delay} is not possible", $"window above zero, window plus delay at most {new Duration(Limits.WindowReachMaxMicros)}")
            : null;
    }

    private static bool IsCalendarLength(long micros) => micros > 0 && (micros % DayMicros == 0 || DayMicros % micros == 0);

    private static long Micros(WindowDefinition window) => window.Kind switch
    {
        WindowKind.Tumbling => LongestMicros(window) + (window.TimeZone == "UTC" ? 0 : ClockSetBackMaxMicros),
        WindowKind.Count or WindowKind.Lifetime => 0,
        _ => window.Width.Micros,
    };

    private static long LongestMicros(WindowDefinition tumbling) => tumbling.Unit switch
    {
        CalendarUnit.Week => WeekMicros,
        CalendarUnit.Month => MonthMicros,
        _ => tumbling.Width.Micros,
    };
}
