using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Entities.Intake;

namespace OrleansFeatures.Conformance;

/// <summary>Corrections mixed at random, compared with what they must come to: the values of the events as they are in the end, and a log in which every record names the version before it.</summary>
public abstract class MixedCorrectionConformance<TStores> : HostConformance<TStores>
    where TStores : IStores
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task Corrected_values_are_those_of_a_store_that_got_the_corrected_events_first(int seed)
    {
        await using ConformanceStore store = await OpenAsync(Transactions.Catalog(terminals: seed % 2 == 0));
        var random = new Random(seed);
        var model = new TransactionOracle();
        for (int step = 0; step < Some(60); step++)
        {
            Push[] batch = [.. Enumerable.Range(0, random.Next(1, 25)).Select(_ => CorrectionModel.Draw(random))];
            CorrectionOutcome[] outcomes = await store.PushAsync(batch);
            IntakeResult[] expected = model.Apply(store.Host.Catalog, batch);
            outcomes.Select(outcome => outcome.Result).ShouldBe(expected, $"seed {seed}, step {step}");
            if (random.Next(12) == 0)
            {
                await store.RestartAsync();
            }

            if (step == Some(60) * 2 / 3)
            {
                // From here on, or again, terminals are fed: what corrections did to them before is copied.
                await store.Host.ChangeCatalogAsync(Transactions.Catalog(), () => { }, Cancel);
            }
        }

        await CorrectionModel.CheckAsync(store, model, $"seed {seed}");
        await store.RestartAsync();
        await CorrectionModel.CheckAsync(store, model, $"seed {seed}, restarted");
        await store.Host.ShouldHoldAsync(model.Accepted, $"seed {seed}");
    }

    [Fact]
    public async Task Corrections_before_there_is_any_view_are_seen_by_views_to_come()
    {
        Catalog bare = Catalog.Compile(Transactions.Catalog().Definitions with { FeatureViews = [] }, out _)!;
        await using ConformanceStore store = await OpenAsync(bare);
        var random = new Random(9);
        var model = new TransactionOracle();
        for (int step = 0; step < Some(20); step++)
        {
            Push[] batch = [.. Enumerable.Range(0, 10).Select(_ => CorrectionModel.Draw(random))];
            (await store.PushAsync(batch)).Select(outcome => outcome.Result).ShouldBe(model.Apply(store.Host.Catalog, batch));
        }

        await store.Host.ChangeCatalogAsync(Transactions.Catalog(), () => { }, Cancel);
        await CorrectionModel.CheckAsync(store, model, "views came last");
    }

    [Theory]
    [InlineData(5)]
    [InlineData(6)]
    public async Task Connections_that_correct_the_same_events_at_once_never_wait_for_each_other_for_ever_and_each_sees_the_version_before_it(int seed)
    {
        await using ConformanceStore store = await OpenAsync();
        await Task.WhenAll(Enumerable.Range(0, 6).Select(connection => Task.Run(async () =>
        {
            var random = new Random((seed * 100) + connection);
            for (int step = 0; step < Some(60); step++)
            {
                Push[] batch = [.. Enumerable.Range(0, random.Next(1, 12)).Select(_ => CorrectionModel.Draw(random, ids: 12))];
                (await store.Entries[connection % 2].PushAsync(batch)).ShouldAllBe(outcome => outcome.Result == IntakeResult.Accepted || outcome.Result == IntakeResult.Duplicate);
            }
        }))).WaitAsync(TimeSpan.FromMinutes(1), Cancel);

        await CorrectionModel.CheckAsync(store, CorrectionModel.FinalVersions(store.Host.Catalog, await store.RecordsAsync(), $"seed {seed}"), $"seed {seed}");
    }
}
