using System.Globalization;

namespace Grpc.Headers;

/// <summary>
/// grpc-timeout: up to eight digits and a unit, one of H M S m u n. A sender picks the finest unit that fits eight digits, and rounds up,
/// so that the other side never gives up before the sender does.
/// </summary>
internal static class Timeouts
{
    private const long TicksPerMicrosecond = TimeSpan.TicksPerMillisecond / 1000;
    private const long NanosecondsPerTick = 100;
    private const long MaxValue = 99_999_999;

    public static bool TryParse(ReadOnlySpan<char> text, out TimeSpan timeout)
    {
        timeout = default;
        if (text.Length is < 2 or > Limits.TimeoutDigits + 1
            || !long.TryParse(text[..^1], NumberStyles.None, CultureInfo.InvariantCulture, out var value))
        {
            return false;
        }

        // 99,999,999 hours are 3.6e18 ticks, which fits a long (9.2e18).
        switch (text[^1])
        {
            case 'H': timeout = new TimeSpan(value * TimeSpan.TicksPerHour); return true;
            case 'M': timeout = new TimeSpan(value * TimeSpan.TicksPerMinute); return true;
            case 'S': timeout = new TimeSpan(value * TimeSpan.TicksPerSecond); return true;
            case 'm': timeout = new TimeSpan(value * TimeSpan.TicksPerMillisecond); return true;
            case 'u': timeout = new TimeSpan(value * TicksPerMicrosecond); return true;
            case 'n': timeout = new TimeSpan(DivideUp(value, NanosecondsPerTick)); return true;
            default: return false;
        }
    }

    public static string Format(TimeSpan timeout)
    {
        // A timeout on the wire is positive; what is over already has the least.
        var ticks = Math.Max(timeout.Ticks, 1);
        if (ticks <= MaxValue / NanosecondsPerTick)
        {
            return Text(ticks * NanosecondsPerTick, 'n');
        }

        ReadOnlySpan<(long Ticks, char Unit)> units =
        [
            (TicksPerMicrosecond, 'u'),
            (TimeSpan.TicksPerMillisecond, 'm'),
            (TimeSpan.TicksPerSecond, 'S'),
            (TimeSpan.TicksPerMinute, 'M'),
        ];
        foreach (var (unitTicks, unit) in units)
        {
            var value = DivideUp(ticks, unitTicks);
            if (value <= MaxValue)
            {
                return Text(value, unit);
            }
        }

        return Text(Math.Min(DivideUp(ticks, TimeSpan.TicksPerHour), MaxValue), 'H');
    }

    /// <summary>Now plus the timeout, or the end of time where that overflows.</summary>
    public static DateTime DeadlineAfter(DateTime utcNow, TimeSpan timeout) =>
        timeout >= DateTime.MaxValue - utcNow ? DateTime.MaxValue : utcNow + timeout;

    private static string Text(long value, char unit) => string.Create(CultureInfo.InvariantCulture, $"{value}{unit}");

    private static long DivideUp(long value, long by) => value / by + (value % by == 0 ? 0 : 1);
}
