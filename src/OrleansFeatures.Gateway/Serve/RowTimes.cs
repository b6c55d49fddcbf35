using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Gateway.Serve;

/// <summary>The instants of a request: none is a default, one is for all rows, else one for each.</summary>
internal static class RowTimes
{
    /// <summary>The event times to read at; none is <paramref name="now"/>.</summary>
    /// <exception cref="RequestRefusedException">Another number of instants than that, or one outside the times that events may have.</exception>
    public static void FillAsOf(Span<EventTime> times, IList<long> micros, EventTime now, int firstRow) =>
        Fill(times, micros, now, "as_of_micros", "now", firstRow);

    /// <summary>The arrival times up to which events are looked at; none is everything, and so is <see cref="EventTime.Never"/> for a single row.</summary>
    /// <exception cref="RequestRefusedException">As for <see cref="FillAsOf"/>.</exception>
    public static void FillKnownAt(Span<EventTime> times, IList<long> micros, int firstRow) =>
        Fill(times, micros, EventTime.Never, "known_at_micros", "everything known today", firstRow);

    private static void Fill(Span<EventTime> times, IList<long> micros, EventTime whenNone, string field, string noneMeans, int firstRow)
    {
        if (micros.Count > 1 && micros.Count != times.Length)
        {
            throw Refuse.Argument(field, $"{micros.Count} instants for {times.Length} rows", $"give none ({noneMeans}), one (for all rows), or one per row");
        }

        for (int row = 0; row < times.Length; row++)
        {
            times[row] = micros.Count == 0 ? whenNone : Checked(micros[micros.Count == 1 ? 0 : row], whenNone, field, firstRow + row);
        }
    }

    private static EventTime Checked(long micros, EventTime whenNone, string field, int row) =>
        micros is >= Domain.Limits.EventTimeMinMicros and < Domain.Limits.EventTimeMaxMicros || (whenNone == EventTime.Never && micros == EventTime.Never.Micros)
            ? new EventTime(micros)
            : throw Refuse.Argument(field, $"row {row}: {micros} is not between 1970-01-01 and 2100-01-01", "send microseconds since 1970 in UTC");
}
