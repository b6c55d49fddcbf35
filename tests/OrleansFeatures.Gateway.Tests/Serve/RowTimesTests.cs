using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Gateway.Serve;
using OrleansFeatures.Gateway.Tests.Registry;
using OrleansFeatures.Gateway.Tests.Serving;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Serve;

public sealed class RowTimesTests
{
    private static readonly EventTime Now = new(Clicks.Midnight);

    [Fact]
    public void Without_known_at_everything_known_today_is_looked_at()
    {
        var times = new EventTime[2];
        RowTimes.FillKnownAt(times, [], firstRow: 0);
        times.ShouldBe([EventTime.Never, EventTime.Never]);
    }

    [Fact]
    public void One_known_at_is_for_all_rows_and_several_are_one_each()
    {
        var times = new EventTime[3];
        RowTimes.FillKnownAt(times, [7], firstRow: 0);
        times.ShouldBe([new EventTime(7), new EventTime(7), new EventTime(7)]);
        RowTimes.FillKnownAt(times, [5, long.MaxValue, 6], firstRow: 0);
        times.ShouldBe([new EventTime(5), EventTime.Never, new EventTime(6)]);
    }

    [Theory]
    [InlineData(new long[] { 1, 2 }, "known_at_micros: 2 instants for 3 rows; give none (everything known today), one (for all rows), or one per row")]
    [InlineData(new long[] { 1, 2, -3 }, "known_at_micros: row 42: -3 is not between 1970-01-01 and 2100-01-01")]
    public void A_known_at_that_fits_no_row_is_refused_with_its_place(long[] micros, string message)
    {
        var refused = Should.Throw<RequestRefusedException>(() => RowTimes.FillKnownAt(new EventTime[3], micros, firstRow: 40));
        refused.Message.ShouldStartWith(message);
    }

    [Fact]
    public void The_end_of_time_is_a_known_at_but_no_as_of()
    {
        var refused = Should.Throw<RequestRefusedException>(() => RowTimes.FillAsOf(new EventTime[1], [long.MaxValue], Now, firstRow: 0));
        refused.Message.ShouldStartWith("as_of_micros: row 0: 9223372036854775807 is not between");
    }

    [Fact]
    public void Training_rows_keep_the_known_at_of_their_own_message()
    {
        Catalog catalog = Samples.Read(Serving.Definitions.Everything).Catalog!;
        var rows = new TrainingRows(catalog.Select(["user_stats:n"], out _)!, Now);
        rows.Add(new V1.TrainingRequest { Keys = { Clicks.Keys("user", "ada", "bob") }, AsOfMicros = { 1, 2 }, KnownAtMicros = { 3, 4 } });
        rows.Add(new V1.TrainingRequest { Keys = { Clicks.Keys("user", "eve") }, AsOfMicros = { 5 } });
        rows.ToRead().KnownAt.ShouldBe([new EventTime(3), new EventTime(4), EventTime.Never]);
        rows.ToRead().AsOf.ShouldBe([new EventTime(1), new EventTime(2), new EventTime(5)]);
    }
}
