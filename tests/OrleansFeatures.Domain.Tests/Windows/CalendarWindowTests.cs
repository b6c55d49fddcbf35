using System.Globalization;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Windows;

namespace OrleansFeatures.Domain.Tests.Windows;

/// <summary>The oracle walks minute by minute and looks at the clock on the wall; it knows nothing of spans, labels or offsets.</summary>
public sealed class CalendarWindowTests
{
    private const long MinuteMicros = 60_000_000;

    [Theory]
    [InlineData("UTC", 2018)]
    [InlineData("Europe/Zurich", 2018)]
    [InlineData("America/New_York", 2019)]
    [InlineData("America/New_York", 2050)]
    [InlineData("Asia/Kolkata", 2018)]
    [InlineData("Australia/Lord_Howe", 2018)]
    [InlineData("America/Sao_Paulo", 2018)]
    [InlineData("America/St_Johns", 2006)]
    [InlineData("Pacific/Apia", 2011)]
    [InlineData("Africa/Casablanca", 2018)]
    [InlineData("Antarctica/Vostok", 1994)]
    public void Every_window_starts_where_the_clock_on_the_wall_says(string zone, int year)
    {
        DateTime[] wall = WallClock(zone, year, out long firstMicros);
        const int seed = 20_180_401;
        var random = new Random(seed);
        foreach ((WindowDefinition window, Func<DateTime, bool> startsAt) in Windows(zone))
        {
            var calendar = new CalendarWindow(window);
            long[] starts = OracleStarts(wall, firstMicros, startsAt);
            int known = Array.FindIndex(starts, start => start != long.MinValue);
            known.ShouldBeLessThan(wall.Length / 5, $"{window}: the walk must begin before the year does");
            for (int minute = known; minute < starts.Length; minute++)
            {
                Same(calendar, firstMicros + (minute * MinuteMicros), starts[minute], window, seed);
            }

            for (int count = 0; count < 20_000; count++)
            {
                int minute = random.Next(known, starts.Length);
                Same(calendar, firstMicros + (minute * MinuteMicros) + random.NextInt64(MinuteMicros), starts[minute], window, seed);
            }
        }
    }

    /// <summary>From 1973 on, when the last clock that stood half a minute aside was set right: the walk goes by minutes.</summary>
    [Fact]
    public void In_every_zone_a_day_begins_where_the_clock_shows_midnight_or_jumps_over_it_and_nowhere_later()
    {
        const int seed = 1973;
        var random = new Random(seed);
        long first = Micros("1973-01-01T00:00:00Z");
        string[] zones = [.. TimeZoneInfo.GetSystemTimeZones().Select(zone => zone.Id).Where(id => ZoneClock.Refuse(id) is null)];
        zones.Length.ShouldBeGreaterThan(300);
        foreach (string zone in zones)
        {
            TimeZoneInfo info = TimeZoneInfo.FindSystemTimeZoneById(zone);
            ZoneClock clock = ZoneClock.Of(zone);
            var day = new CalendarWindow(WindowDefinition.Tumbling(Duration.Days(1), zone));
            for (int count = 0; count < 12; count++)
            {
                // Half of the instants within a day after a change of the clock.
                long change = clock[random.Next(clock.Count)].StartMicros;
                long at = change > first && change < Limits.EventTimeMaxMicros && count % 2 == 0 ? change + random.NextInt64(Duration.Days(1).Micros) : random.NextInt64(first, Limits.EventTimeMaxMicros);
                DateTime instant = DateTime.UnixEpoch.AddMicroseconds(at - (at % MinuteMicros));
                while (!ShowsOrSkipsMidnight(info, instant))
                {
                    instant = instant.AddMinutes(-1);
                }

                new EventTime(day.StartOf(at)).ShouldBe(EventTime.From(new DateTimeOffset(instant)), $"{zone} at {new EventTime(at)}, seed {seed}");
            }
        }
    }

    [Theory]
    [InlineData("1h", "2018-10-28T00:30:00Z", "2018-10-28T00:00:00Z", "the first hour from two to three")]
    [InlineData("1h", "2018-10-28T01:30:00Z", "2018-10-28T01:00:00Z", "the second hour from two to three")]
    [InlineData("6h", "2018-10-28T04:59:59Z", "2018-10-27T22:00:00Z", "midnight to six is seven hours long")]
    [InlineData("1d", "2018-10-28T22:59:59Z", "2018-10-27T22:00:00Z", "a day of 25 hours")]
    [InlineData("1d", "2018-03-25T21:59:59Z", "2018-03-24T23:00:00Z", "a day of 23 hours")]
    [InlineData("1h", "2018-03-25T01:00:00Z", "2018-03-25T01:00:00Z", "the clock goes from two to three")]
    public void Daylight_saving_in_Zurich_is_as_the_documentation_says(string length, string at, string start, string why)
    {
        var calendar = new CalendarWindow(WindowDefinition.Tumbling(Parse(length), "Europe/Zurich"));
        new EventTime(calendar.StartOf(Micros(at))).ShouldBe(new EventTime(Micros(start)), why);
    }

    [Fact]
    public void A_start_that_the_clock_skips_is_the_first_instant_after_the_gap()
    {
        var day = new CalendarWindow(WindowDefinition.Tumbling(Duration.Days(1), "America/Sao_Paulo"));
        day.StartOf(Micros("2018-11-04T03:00:00Z")).ShouldBe(Micros("2018-11-04T03:00:00Z"), "midnight was skipped: the day begins at one o'clock");
        day.StartOf(Micros("2018-11-04T02:59:59Z")).ShouldBe(Micros("2018-11-03T03:00:00Z"));
        var apia = new CalendarWindow(WindowDefinition.Tumbling(Duration.Days(1), "Pacific/Apia"));
        apia.StartOf(Micros("2011-12-30T10:00:00Z")).ShouldBe(Micros("2011-12-30T10:00:00Z"), "the 30th never was: the 31st begins where the 29th ends");
        apia.StartOf(Micros("2011-12-30T09:59:59Z")).ShouldBe(Micros("2011-12-29T10:00:00Z"));
    }

    [Fact]
    public void Times_before_the_epoch_and_after_the_last_event_have_starts_too()
    {
        var month = new CalendarWindow(WindowDefinition.Tumbling(CalendarUnit.Month, "Europe/Zurich"));
        month.StartOf(Micros("1970-01-15T00:00:00Z") - Duration.Days(20).Micros).ShouldBe(-Duration.Days(31).Micros - (60 * MinuteMicros));
        foreach (WindowDefinition window in Windows("Europe/Zurich").Select(pair => pair.Window))
        {
            var calendar = new CalendarWindow(window);
            foreach (long micros in new[] { long.MinValue, -1, 0, Limits.EventTimeMaxMicros, long.MaxValue })
            {
                calendar.StartOf(micros).ShouldBeInRange(-2 * Limits.WindowReachMaxMicros, Math.Max(0, micros));
            }
        }
    }

    [Fact]
    public void A_start_is_its_own_start_and_what_was_asked_before_does_not_matter()
    {
        const int seed = 7;
        var random = new Random(seed);
        foreach (WindowDefinition window in Windows("America/New_York").Select(pair => pair.Window))
        {
            var used = new CalendarWindow(window);
            for (int count = 0; count < 500; count++)
            {
                long at = random.NextInt64(Limits.EventTimeMaxMicros);
                long start = used.StartOf(at);
                start.ShouldBe(new CalendarWindow(window).StartOf(at), $"{window} at {new EventTime(at)}, seed {seed}");
                used.StartOf(start).ShouldBe(start, $"{window} at {new EventTime(at)}, seed {seed}");
                used.StartOf(start - 1).ShouldBeLessThan(start, $"{window} at {new EventTime(at)}, seed {seed}");
            }
        }
    }

    [Fact]
    public void Calendars_are_equal_when_their_definitions_are()
    {
        var one = new CalendarWindow(WindowDefinition.Tumbling(CalendarUnit.Week, "Europe/Zurich"));
        one.ShouldBe(new CalendarWindow(WindowDefinition.Tumbling(CalendarUnit.Week, "Europe/Zurich")));
        one.ShouldNotBe(new CalendarWindow(WindowDefinition.Tumbling(CalendarUnit.Week, "Europe/Rome")));
        one.GetHashCode().ShouldBe(new CalendarWindow(WindowDefinition.Tumbling(CalendarUnit.Week, "Europe/Zurich")).GetHashCode());
    }

    [Fact]
    public void A_machine_without_time_zone_data_says_so()
    {
        ZoneClock.Explain("Europe/Zurich", ["UTC"]).Message.ShouldBe("time zone 'Europe/Zurich' is not known, because this machine has no time zone data");
        ZoneClock.Explain("Europe/Zurich", []).Suggestion.ShouldBe("install the package tzdata, or use UTC");
        ZoneClock.Refuse("UTC").ShouldBeNull("it needs no data");
    }

    [Fact]
    public void Asking_for_the_same_window_allocates_nothing()
    {
        var calendar = new CalendarWindow(WindowDefinition.Tumbling(Duration.Days(1), "Europe/Zurich"));
        long at = Micros("2018-04-01T10:00:00Z");
        long sum = calendar.StartOf(at);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int count = 0; count < 10_000; count++)
        {
            sum += calendar.StartOf(at + count);
        }

        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0);
        sum.ShouldBe(10_001 * Micros("2018-03-31T22:00:00Z"));
    }

    private static void Same(CalendarWindow calendar, long at, long expected, WindowDefinition window, int seed)
    {
        long start = calendar.StartOf(at);
        if (start != expected)
        {
            Assert.Fail($"{window} at {new EventTime(at)}: {new EventTime(start)}, the oracle says {new EventTime(expected)}; seed {seed}");
        }
    }

    private static (WindowDefinition Window, Func<DateTime, bool> StartsAt)[] Windows(string zone)
    {
        (WindowDefinition, Func<DateTime, bool>) Minutes(int length) =>
            (WindowDefinition.Tumbling(new Duration(length * MinuteMicros), zone), wall => wall.TimeOfDay.TotalMinutes % length == 0);

        (WindowDefinition, Func<DateTime, bool>) Days(int length) =>
            (WindowDefinition.Tumbling(Duration.Days(length), zone), wall => wall.TimeOfDay == TimeSpan.Zero && (wall.Date - DateTime.UnixEpoch).Days % length == 0);

        return
        [
            Minutes(1), Minutes(15), Minutes(30), Minutes(60), Minutes(90), Minutes(360), Minutes(720), Days(1), Days(2), Days(7), Days(30),
            (WindowDefinition.Tumbling(CalendarUnit.Week, zone), wall => wall.TimeOfDay == TimeSpan.Zero && wall.DayOfWeek == DayOfWeek.Monday),
            (WindowDefinition.Tumbling(CalendarUnit.Month, zone), wall => wall.TimeOfDay == TimeSpan.Zero && wall.Day == 1),
        ];
    }

    private static bool ShowsOrSkipsMidnight(TimeZoneInfo zone, DateTime instant)
    {
        DateTime now = TimeZoneInfo.ConvertTimeFromUtc(instant, zone);
        DateTime before = TimeZoneInfo.ConvertTimeFromUtc(instant.AddMinutes(-1), zone);
        return now.TimeOfDay == TimeSpan.Zero || now.Date > before.Date;
    }

    /// <summary>What the clock shows in each minute of the year, and in the 40 days before it.</summary>
    private static DateTime[] WallClock(string zone, int year, out long firstMicros)
    {
        TimeZoneInfo info = TimeZoneInfo.FindSystemTimeZoneById(zone);
        DateTime first = new DateTime(year, 1, 1, 0, 0, 0, DateTimeKind.Utc).AddDays(-40);
        firstMicros = (first - DateTime.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
        return [.. Enumerable.Range(0, 405 * 24 * 60).Select(minute => TimeZoneInfo.ConvertTimeFromUtc(first.AddMinutes(minute), info))];
    }

    private static long[] OracleStarts(DateTime[] wall, long firstMicros, Func<DateTime, bool> startsAt)
    {
        var starts = new long[wall.Length];
        long current = long.MinValue;
        for (int minute = 1; minute < wall.Length; minute++)
        {
            bool isStart = startsAt(wall[minute]);
            for (DateTime skipped = wall[minute - 1].AddMinutes(1); skipped < wall[minute]; skipped = skipped.AddMinutes(1))
            {
                isStart |= startsAt(skipped);
            }

            current = isStart ? firstMicros + (minute * MinuteMicros) : current;
            starts[minute] = current;
        }

        starts[0] = long.MinValue;
        return starts;
    }

    private static Duration Parse(string duration) => Duration.TryParse(duration, out Duration parsed) ? parsed : throw new ArgumentException(duration);

    private static long Micros(string time) =>
        (DateTime.Parse(time, CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal) - DateTime.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
}
