using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Domain.Tests.Events;

public sealed class EventTimeTests
{
    [Theory]
    [InlineData("2018-04-01T00:00:31Z", 1_522_540_831_000_000)]
    [InlineData("2018-04-01T02:00:31+02:00", 1_522_540_831_000_000)]
    [InlineData("2018-04-01T00:00:31.5Z", 1_522_540_831_500_000)]
    [InlineData("2018-04-01T00:00:31.000001Z", 1_522_540_831_000_001)]
    [InlineData("1969-12-31T23:59:59Z", -1_000_000)]
    public void Rfc_3339_is_read_and_written_back(string text, long micros)
    {
        EventTime.TryParse(text, out EventTime time).ShouldBeTrue();
        time.Micros.ShouldBe(micros);
        EventTime.TryParse(time.ToString(), out EventTime again).ShouldBeTrue();
        again.ShouldBe(time);
    }

    [Theory]
    [InlineData("")]
    [InlineData("2018-04-01")]
    [InlineData("2018-04-01T00:00:31")]
    [InlineData("2018-04-01 00:00:31")]
    [InlineData("2018-13-01T00:00:31Z")]
    [InlineData("2018-04-01T00:00:31.1234567Z")]
    [InlineData("1522540831")]
    [InlineData("yesterday at noonZ")]
    [InlineData("04/01/2018 00:00:31Z")]
    [InlineData("1 April 2018 00:00Z")]
    [InlineData("2018.04.01T00:00:31Z")]
    [InlineData("2018-04-01T00.00.31Z")]
    [InlineData("Sun, 01 Apr 2018 00:00:31Z")]
    public void What_is_ambiguous_or_finer_than_a_microsecond_is_refused(string text) =>
        EventTime.TryParse(text, out _).ShouldBeFalse();

    [Theory]
    [InlineData(long.MinValue, "-9223372036854775808 microseconds since 1970")]
    [InlineData(long.MaxValue, "9223372036854775807 microseconds since 1970")]
    [InlineData(Limits.TimestampMinMicros - 1, "-62135596800000001 microseconds since 1970")]
    [InlineData(Limits.TimestampMinMicros, "0001-01-01T00:00:00Z")]
    [InlineData(Limits.TimestampMaxMicros, "9999-12-31T23:59:59.999999Z")]
    [InlineData(Limits.TimestampMaxMicros + 1, "253402300800000000 microseconds since 1970")]
    public void A_time_beyond_what_RFC_3339_can_write_is_written_as_a_number(long micros, string text) => new EventTime(micros).ToString().ShouldBe(text);
}
