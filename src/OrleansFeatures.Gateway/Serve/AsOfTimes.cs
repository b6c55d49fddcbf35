using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Gateway.Serve;

/// <summary>The instants of a request: none is now, one is for all rows, else one for each.</summary>
internal static class AsOfTimes
{
    /// <exception cref="RequestRefusedException">Another number of instants than that, or one outside the times that events may have.</exception>
    public static void Fill(Span<EventTime> times, IList<long> micros, EventTime now, int firstRow)
    {
        if (micros.Count > 1 && micros.Count != times.Length)
        {
            throw Refuse.Argument("as_of_micros", $"{micros.Count} instants for {times.Length} rows", "give none (now), one (for all rows), or one per row");
        }

        for (int row = 0; row < times.Length; row++)
        {
            times[row] = micros.Count == 0 ? now : Checked(micros[micros.Count == 1 ? 0 : row], firstRow + row);
        }
    }

    private static EventTime Checked(long micros, int row) =>
        micros is >= Domain.Limits.EventTimeMinMicros and < Domain.Limits.EventTimeMaxMicros
            ? new EventTime(micros)
            : throw Refuse.Argument("as_of_micros", $"row {row}: {micros} is not between 1970-01-01 and 2100-01-01", "send microseconds since 1970 in UTC");
}
