using Grpc.Headers;
using Grpc.Tests.Kit;

namespace Grpc.Tests.Headers;

public class DeadlineTimerTests
{
    private readonly ManualTime _time = new();
    private int _fired;

    [Theory]
    [InlineData(0.001)]
    [InlineData(48)]
    [InlineData(49)]
    [InlineData(50)]
    [InlineData(400)]
    public void It_fires_once_at_the_deadline_and_not_before_however_far_that_is(double days)
    {
        TimeSpan wait = TimeSpan.FromDays(days);
        using var timer = Start(wait);

        _time.Advance(wait - TimeSpan.FromTicks(1));
        _fired.ShouldBe(0);

        _time.Advance(TimeSpan.FromMilliseconds(2));
        _fired.ShouldBe(1);

        _time.Advance(TimeSpan.FromDays(1000));
        _fired.ShouldBe(1);
    }

    [Fact]
    public void A_deadline_in_the_past_fires_at_once()
    {
        using var timer = Start(TimeSpan.FromSeconds(-1));
        _time.Advance(TimeSpan.Zero);
        _fired.ShouldBe(1);
    }

    [Fact]
    public void Disposed_it_never_fires_and_leaves_no_timer()
    {
        Start(TimeSpan.FromDays(100)).Dispose();
        _time.ArmedTimers.ShouldBe(0);
        _time.Advance(TimeSpan.FromDays(200));
        _fired.ShouldBe(0);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    public void A_clock_that_is_set_by_a_day_makes_it_neither_earlier_nor_later(int days)
    {
        using var timer = Start(TimeSpan.FromSeconds(10));
        _time.Set(TimeSpan.FromDays(days));
        _time.Advance(TimeSpan.FromSeconds(9));
        _fired.ShouldBe(0);
        _time.Advance(TimeSpan.FromSeconds(2));
        _fired.ShouldBe(1);
    }

    private DeadlineTimer Start(TimeSpan wait) =>
        new(_time, _time.GetUtcNow().UtcDateTime + wait, static test => ((DeadlineTimerTests)test)._fired++, this);
}
