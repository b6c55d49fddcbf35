using OrleansFeatures.Domain.Definitions;

namespace OrleansFeatures.Domain.Windows;

// Where tumbling windows start. Starts are *labels* on the local clock: midnight and its multiples, midnight of every Nth day since
// 1970-01-01, midnight of Monday, of the 1st. A label is an instant where the clock shows it. Within one span of the zone's clock, in
// which local time is UTC plus a constant, the greatest label at or before an instant is plain arithmetic. The walk goes from the span that the
// instant lies in back to earlier ones until a label is found:
//
//   * the clock shows the label within the span: that instant is the start;
//   * the label lies in the gap that the span began with, so no clock ever showed it: the first instant after the gap, which is the span's own
//     start, stands for it;
//   * otherwise the label was shown before the span began: look there. What is latest there may be a label that this span shows again later,
//     because the clock was set back: both are starts, and the one at or before the instant counts.
//
// A result holds from the start until the next label in the span, or until the span ends; that interval is kept, because reads follow each
// other in time.

/// <summary>
/// The start of the tumbling window that an instant lies in. One instance serves any number of threads. Two are equal when they are of equal definitions, so that plans
/// which hold them stay comparable.
/// </summary>
internal sealed class CalendarWindow : IEquatable<CalendarWindow>
{
    private const long DayMicros = 86_400_000_000;
    private const long WeekMicros = 7 * DayMicros;

    /// <summary>1970-01-01 was a Thursday: the Monday before it is three days earlier.</summary>
    private const long MondayMicros = -3 * DayMicros;

    private readonly WindowDefinition _definition;
    private readonly Lazy<ZoneClock> _clock;
    private Interval _last = new(0, 0);

    /// <param name="definition">A tumbling window that passed the checks of <see cref="WindowReach"/>. Its zone is looked at on first use.</param>
    public CalendarWindow(WindowDefinition definition)
    {
        InvariantException.Require(definition.Kind == WindowKind.Tumbling, $"a window of {definition} has no calendar");
        _definition = definition;
        _clock = new Lazy<ZoneClock>(() => ZoneClock.Of(definition.TimeZone));
    }

    /// <summary>
    /// The latest start at or before the instant (UTC, microseconds): the window covers event times from it, itself included, through the instant. A few nanoseconds
    /// while instants fall into the same window as the one before; else a walk over one or two spans of the zone.
    /// </summary>
    public long StartOf(long micros)
    {
        // One reference, written and read as a whole: another thread's interval is as good as one's own.
        Interval last = Volatile.Read(ref _last);
        if (micros >= last.StartMicros && micros < last.EndMicros)
        {
            return last.StartMicros;
        }

        Interval found = Find(Math.Clamp(micros, -Limits.WindowReachMaxMicros, Limits.EventTimeMaxMicros + Limits.WindowReachMaxMicros));
        Volatile.Write(ref _last, found);
        return found.StartMicros;
    }

    public bool Equals(CalendarWindow? other) => other is not null && other._definition == _definition;

    public override bool Equals(object? obj) => Equals(obj as CalendarWindow);

    public override int GetHashCode() => _definition.GetHashCode();

    private Interval Find(long micros)
    {
        ZoneClock clock = _clock.Value;
        int index = clock.SpanAt(micros);
        ZoneSpan span = clock[index];
        long label = LabelAt(micros + span.OffsetMicros);
        long until = Math.Min(clock.EndOf(index), LabelAfter(label) - span.OffsetMicros);
        while (true)
        {
            if (label - span.OffsetMicros >= span.StartMicros)
            {
                return new Interval(label - span.OffsetMicros, until);
            }

            // The first span began before all time, so what it does not show does not exist.
            long shownBefore = span.StartMicros + clock[index - 1].OffsetMicros;
            if (label >= shownBefore)
            {
                return new Interval(span.StartMicros, until);
            }

            span = clock[--index];
            label = LabelAt(shownBefore - 1);
        }
    }

    /// <summary>The greatest label at or before a local time.</summary>
    private long LabelAt(long local) => _definition.Unit switch
    {
        CalendarUnit.Week => Floor(local - MondayMicros, WeekMicros) + MondayMicros,
        CalendarUnit.Month => FirstOfMonth(local, 0),
        _ => Floor(local, _definition.Width.Micros),
    };

    private long LabelAfter(long label) => _definition.Unit switch
    {
        CalendarUnit.Week => label + WeekMicros,
        CalendarUnit.Month => FirstOfMonth(label, 1),
        _ => label + _definition.Width.Micros,
    };

    /// <summary>Midnights are multiples of a day since 1970-01-01, and so are the multiples of every length that divides a day, or that days divide.</summary>
    private static long Floor(long local, long step) => local - (((local % step) + step) % step);

    private static long FirstOfMonth(long local, int monthsLater)
    {
        DateTime date = DateTime.UnixEpoch.AddTicks(Floor(local, DayMicros) * TimeSpan.TicksPerMicrosecond);
        return (new DateTime(date.Year, date.Month, 1, 0, 0, 0, DateTimeKind.Utc).AddMonths(monthsLater) - DateTime.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
    }

    /// <summary>For every instant from the start until the end, which is out, the start is the answer.</summary>
    private sealed record Interval(long StartMicros, long EndMicros);
}
