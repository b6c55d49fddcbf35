using OrleansFeatures.Server.Demo;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Server.Tests.Demo;

public sealed class RollingRateTests
{
    [Fact]
    public void The_rate_follows_the_last_second_and_forgets_what_was_before()
    {
        var rate = new RollingRate(TimeSpan.FromSeconds(1));
        rate.Update(0, TimeSpan.Zero).ShouldBe(0);
        double shown = 0;
        for (int tick = 1; tick <= 12; tick++)
        {
            shown = rate.Update((ulong)(tick * 250), TimeSpan.FromSeconds(tick * 0.25));
        }

        shown.ShouldBe(1_000, 0.001);
        for (int tick = 13; tick <= 18; tick++)
        {
            shown = rate.Update(3_000, TimeSpan.FromSeconds(tick * 0.25));
        }

        shown.ShouldBe(0);
    }
}
