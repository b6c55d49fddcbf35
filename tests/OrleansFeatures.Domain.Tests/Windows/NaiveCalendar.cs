using OrleansFeatures.Domain.Definitions;

namespace OrleansFeatures.Domain.Tests.Windows;

/// <summary>
/// Where a tumbling window starts, read off the local clock. Good for zones where no multiple of the length is skipped or shown twice, as in UTC, and in
/// Zurich for six hours and more, where the clock changes at two and at three. (<see cref="CalendarWindowTests"/> has the others.)
/// </summary>
internal static class NaiveCalendar
{
    public static long StartOf(WindowDefinition window, long micros)
    {
        TimeZoneInfo zone = TimeZoneInfo.FindSystemTimeZoneById(window.TimeZone);
        DateTime local = TimeZoneInfo.ConvertTimeFromUtc(DateTime.UnixEpoch.AddTicks(micros * TimeSpan.TicksPerMicrosecond), zone);
        DateTime start = window.Unit switch
        {
            CalendarUnit.Month => new DateTime(local.Year, local.Month, 1),
            CalendarUnit.Week => local.Date.AddDays(-(((int)local.DayOfWeek + 6) % 7)),
            _ => local.AddTicks(-((local - DateTime.UnixEpoch).Ticks % (window.Width.Micros * TimeSpan.TicksPerMicrosecond))),
        };
        return (TimeZoneInfo.ConvertTimeToUtc(DateTime.SpecifyKind(start, DateTimeKind.Unspecified), zone) - DateTime.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
    }
}
