using OrleansFeatures.Server.Demo;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Server.Tests.Demo;

public sealed class WatchedTerminalsTests
{
    [Fact]
    public void Places_are_given_out_some_days_apart_and_change_hands_after_six_weeks()
    {
        var terminals = new WatchedTerminals(6);
        terminals.Update(null).ShouldAllBe(place => place == null);
        for (int day = 0; day <= 41; day++)
        {
            terminals.Update(new CompromisedTerminal(1_000 + day, day));
        }

        terminals.Update(new CompromisedTerminal(1_041, 41)).Select(place => place!.Day).ShouldBe([0, 7, 14, 21, 28, 35]);
        terminals.Update(new CompromisedTerminal(1_042, 42)).Select(place => place!.Day).ShouldBe([42, 7, 14, 21, 28, 35]);
    }
}
