using OrleansFeatures.Gateway.Admission;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Admission;

public sealed class TurnPaceTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly SlowQueue _clock = new();

    [Fact]
    public void Begins_with_the_most_there_can_be_and_falls_by_half_at_most()
    {
        var pace = new TurnPace(slots: 2, _clock);
        pace.Within(Second).ShouldBe(2 * Limits.TurnsPerSecondMost);
        Turns(pace, count: 1, 10 * Second);
        pace.Within(Second).ShouldBe(Limits.TurnsPerSecondMost, 0.001, "one stall says little");
        Turns(pace, count: 100, TimeSpan.FromMilliseconds(10));
        pace.Within(Second).ShouldBe(100, 0.001, "but a second does");
        pace.Within(Second / 10).ShouldBe(10, 0.001);
    }

    [Fact]
    public void Rises_at_once()
    {
        var pace = new TurnPace(slots: 1, _clock);
        Turns(pace, count: 200, TimeSpan.FromMilliseconds(10));
        Turns(pace, count: 100, TimeSpan.FromMilliseconds(1));
        pace.Within(Second).ShouldBe(1_000, 0.001);
    }

    [Fact]
    public void Says_nothing_of_another_line()
    {
        var pace = new TurnPace(slots: 1, _clock);
        Turns(pace, count: 200, TimeSpan.FromMilliseconds(10));
        pace.Begin();
        pace.Within(Second).ShouldBe(Limits.TurnsPerSecondMost);
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
