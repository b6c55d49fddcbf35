using Grpc.Headers;

namespace Grpc.Tests.Headers;

public class TimeoutsTests
{
    [Theory]
    [InlineData("1H", 36_000_000_000)]
    [InlineData("3M", 1_800_000_000)]
    [InlineData("5S", 50_000_000)]
    [InlineData("7m", 70_000)]
    [InlineData("9u", 90)]
    [InlineData("100n", 1)]
    [InlineData("1n", 1)]
    [InlineData("0n", 0)]
    [InlineData("99999999n", 1_000_000)]
    [InlineData("99999999H", 99_999_999 * 36_000_000_000)]
    public void Every_unit_is_read_and_parts_of_a_tick_count_as_one(string text, long ticks)
    {
        Timeouts.TryParse(text, out TimeSpan timeout).ShouldBeTrue();
        timeout.Ticks.ShouldBe(ticks);
    }

    [Theory]
    [InlineData("")]
    [InlineData("S")]
    [InlineData("1")]
    [InlineData("1s")]
    [InlineData("1 S")]
    [InlineData(" 1S")]
    [InlineData("-1S")]
    [InlineData("+1S")]
    [InlineData("1.5S")]
    [InlineData("0x1S")]
    [InlineData("100000000S")]
    [InlineData("١S")]
    public void What_is_not_digits_and_a_unit_is_refused(string text) => Timeouts.TryParse(text, out _).ShouldBeFalse();

    [Theory]
    [InlineData(-5, "100n")]
    [InlineData(0, "100n")]
    [InlineData(1, "100n")]
    [InlineData(999_999, "99999900n")]
    [InlineData(1_000_000, "100000u")]
    [InlineData(1_000_001, "100001u")]
    [InlineData(TimeSpan.TicksPerDay * 60, "5184000S")]
    [InlineData(long.MaxValue, "99999999H")]
    public void The_finest_unit_that_fits_eight_digits_is_written(long ticks, string text) => Timeouts.Format(new TimeSpan(ticks)).ShouldBe(text);

    [Fact]
    public void What_is_written_is_read_back_never_shorter_and_never_much_longer()
    {
        const int seed = 20_261;
        var random = new Random(seed);
        for (var i = 0; i < 20_000; i++)
        {
            var timeout = new TimeSpan((long)Math.Exp(random.NextDouble() * Math.Log(99_999_999d * TimeSpan.TicksPerHour)));
            string text = Timeouts.Format(timeout);
            Timeouts.TryParse(text, out TimeSpan read).ShouldBeTrue($"seed {seed}, {timeout} as '{text}'");
            read.ShouldBeGreaterThanOrEqualTo(timeout, $"seed {seed}, '{text}'");
            ((double)(read - timeout).Ticks).ShouldBeLessThanOrEqualTo(Math.Max(10, timeout.Ticks * 1e-5), $"seed {seed}, {timeout} as '{text}'");
        }
    }

    [Fact]
    public void A_deadline_beyond_the_calendar_is_the_end_of_time()
    {
        var now = new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        Timeouts.DeadlineAfter(now, TimeSpan.FromHours(99_999_999)).ShouldBe(DateTime.MaxValue);
        Timeouts.DeadlineAfter(now, TimeSpan.FromDays(60)).ShouldBe(now.AddDays(60));
    }
}
