using OrleansFeatures.Gateway.Admission;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Admission;

public sealed class TurnPaceTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly SlowQueue _clock = new();

    [Fact]
    public void Nothing_is_too_much_before_anything_was_seen()
    {
        new TurnPace(_clock).Within(TimeSpan.FromTicks(1)).ShouldBe(double.MaxValue);
    }

    [Fact]
    public void Is_that_of_the_turns_while_somebody_waited()
    {
        var pace = new TurnPace(_clock);
        _clock.Pass(TimeSpan.FromMinutes(1));
        pace.Begin();
        Turns(pace, count: 10, TimeSpan.FromMilliseconds(10));
        pace.Within(Second).ShouldBe(100, 0.001);
        pace.Within(Second / 10).ShouldBe(10, 0.001);
    }

    [Fact]
    public void Rises_at_once_and_falls_slowly()
    {
        var pace = new TurnPace(_clock);
        Turns(pace, count: 10, TimeSpan.FromMilliseconds(10));
        Turns(pace, count: 100, TimeSpan.FromMilliseconds(1));
        pace.Within(Second).ShouldBe(1_000, 0.001);
        Turns(pace, count: 1, Second);
        pace.Within(Second).ShouldBe(875, 0.001, "one stall says little");
        Turns(pace, count: 100, TimeSpan.FromMilliseconds(100));
        pace.Within(Second).ShouldBe(10, 0.001, "but ten seconds do");
    }

    private void Turns(TurnPace pace, int count, TimeSpan each)
    {
        for (int turn = 0; turn < count; turn++)
        {
            _clock.Pass(each);
            pace.Count();
        }
    }
}
