namespace OrleansFeatures.Entities.Tests;

public sealed class CoreOfferTests
{
    [Fact]
    public void A_core_is_offered_after_every_so_many_units()
    {
        var core = new CoreOffer(3);
        bool[] offered = [.. Enumerable.Range(0, 7).Select(_ => core.After(1))];
        offered.ShouldBe([false, false, true, false, false, true, false]);
    }

    [Fact]
    public void More_units_at_once_than_lie_between_two_offers_are_one_offer()
    {
        var core = new CoreOffer(3);
        core.After(7).ShouldBeTrue();
        core.After(2).ShouldBeFalse();
        core.After(1).ShouldBeTrue();
    }
}
