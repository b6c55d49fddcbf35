using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Entities.Operations;

namespace OrleansFeatures.Conformance;

/// <summary>When values expire because their entity has been silent.</summary>
public abstract class MaxAgeConformance<TStores> : HostConformance<TStores>
    where TStores : IStores
{
    private static readonly Duration Ttl = new(600_000_000);

    [Fact]
    public async Task A_silent_entity_expires_live_in_history_and_after_a_restart_and_one_never_seen_does_not()
    {
        await using ConformanceStore store = await OpenAsync(Aging());
        await store.PushAsync(Transactions.Insert(1, 0, "ann", "t1", 4), Transactions.Insert(2, 300, "bob", "t1", 4));
        await CheckAsync();
        await store.RestartAsync();
        await CheckAsync();

        async Task CheckAsync()
        {
            foreach (bool history in (bool[])[false, true])
            {
                (await StatusAsync(store, "ann", 600, history)).ShouldBe(FeatureStatus.Present);
                (await StatusAsync(store, "ann", 601, history)).ShouldBe(FeatureStatus.OutsideMaxAge);
                (await StatusAsync(store, "bob", 601, history)).ShouldBe(FeatureStatus.Present);
                (await StatusAsync(store, "nobody", 601, history)).ShouldBe(FeatureStatus.Present, "a count of nothing is zero");
            }
        }
    }

    [Fact]
    public async Task A_late_event_brings_values_back_and_its_deletion_takes_them_away_as_each_was_known()
    {
        await using ConformanceStore store = await OpenAsync(Aging());
        await store.PushAsync(Transactions.Insert(1, 0, "ann", "t1", 4) with { Arrival = Transactions.At(10_000) });
        await store.PushAsync(Transactions.Insert(2, 500, "ann", "t1", 4) with { Arrival = Transactions.At(20_000) });
        (await StatusAsync(store, "ann", 900)).ShouldBe(FeatureStatus.Present);
        await store.PushAsync(Transactions.Delete(2) with { Arrival = Transactions.At(30_000) });
        (await StatusAsync(store, "ann", 900)).ShouldBe(FeatureStatus.OutsideMaxAge);
        (await StatusAsync(store, "ann", 900, knownAt: Transactions.At(15_000))).ShouldBe(FeatureStatus.OutsideMaxAge);
        (await StatusAsync(store, "ann", 900, knownAt: Transactions.At(25_000))).ShouldBe(FeatureStatus.Present);
    }

    [Fact]
    public async Task A_ttl_that_comes_later_reaches_back_to_events_that_no_window_holds_any_more()
    {
        Duration.TryParse("30d", out Duration month).ShouldBeTrue();
        await using ConformanceStore store = await OpenAsync(Transactions.Catalog(terminals: false));
        await store.PushAsync(Transactions.Insert(1, 0, "ann", "t1", 4));
        await store.PushAsync([.. Enumerable.Range(0, 200).Select(index => Transactions.Insert(2 + index, (20 * 86_400) + index, "ann", "t1", 4))]);
        await store.Host.ChangeCatalogAsync(Aging(month), () => { }, Cancel);
        (await StatusAsync(store, "ann", (20 * 86_400) - 1)).ShouldBe(FeatureStatus.Present, "20 days old");
        await store.Host.ChangeCatalogAsync(Aging(Ttl), () => { }, Cancel);
        (await StatusAsync(store, "ann", (20 * 86_400) - 1)).ShouldBe(FeatureStatus.OutsideMaxAge);
    }

    [Fact]
    public async Task An_expired_value_is_explained_by_what_its_window_gives_by_itself()
    {
        await using ConformanceStore store = await OpenAsync(Aging());
        await store.PushAsync(Transactions.Insert(1, 0, "ann", "t1", 4));
        IReadOnlyList<ExplainedValue> explained = await store.Host.ExplainAsync(store.Host.Question("customer", Transactions.At(700), "ann"), 10, Cancel);
        explained.ShouldAllBe(value => value.Live == FeatureValue.OutsideMaxAge && value.Agreement == Agreement.NotComparable);
        explained[0].Log.Recomputed.ShouldBe(FeatureValue.Of(Value.Of(1L)));
    }

    private static Catalog Aging(Duration? ttl = null)
    {
        DefinitionSet definitions = Transactions.Catalog(terminals: false).Definitions;
        return Transactions.Compile([.. definitions.Entities], [definitions.FeatureViews[0] with { Ttl = ttl ?? Ttl }]);
    }

    private static async Task<FeatureStatus> StatusAsync(ConformanceStore store, string customer, long seconds, bool history = false, EventTime? knownAt = null) =>
        (await store.Host.AskAsync("customer", Transactions.At(seconds), [customer], history, knownAt)).Values[0].Status;
}
