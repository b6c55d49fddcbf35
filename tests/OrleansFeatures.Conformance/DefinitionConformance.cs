using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Entities.Reads;

namespace OrleansFeatures.Conformance;

/// <summary>Definitions change under a store: new features know all of history, and nobody misreads old ones.</summary>
public abstract class DefinitionConformance<TStores> : HostConformance<TStores>
    where TStores : IStores
{
    [Fact]
    public async Task A_read_of_definitions_that_have_changed_meanwhile_is_refused_rather_than_misread()
    {
        await using ConformanceStore store = await OpenAsync();
        await store.PushAsync(Transactions.Of(1, 0, "ann", "t1", 10), Transactions.Of(2, 0, "ann", "t1", 10));
        FeatureRead read = store.Question("terminal", Transactions.At(0), "t1");
        DefinitionSet definitions = store.Host.Catalog.Definitions;
        FeatureViewDefinition terminal = definitions.FeatureViews[1];
        FeatureDefinition other = terminal.Features[0] with { Name = "small", Where = "amount < 5.0" };
        Catalog next = Catalog.Compile(definitions with { FeatureViews = [definitions.FeatureViews[0], terminal with { Where = null, Features = [other, .. terminal.Features] }] }, out _)!;

        await store.Host.ChangeCatalogAsync(next, () => { }, Cancel);

        // The old plan's filter bit means another filter in the new state: read with it, the terminal would have no events.
        await Should.ThrowAsync<DefinitionsChangedException>(async () => await store.Host.ReadAsync(read, Cancel));
        await Should.ThrowAsync<DefinitionsChangedException>(async () => await store.Host.ReadHistoryAsync(read, null, Cancel));
    }

    [Fact]
    public async Task A_new_entity_type_and_a_wider_window_know_all_of_history()
    {
        await using ConformanceStore store = await OpenAsync(Transactions.Catalog(terminals: false, window: "1m"));
        var oracle = new TransactionOracle();
        await store.FillAsync(oracle, Transactions.Many(seed: 5, Some(2_000)));
        await oracle.CheckAsync(store.Host, [1_800, 3_600], "before");
        await store.Host.ChangeCatalogAsync(Transactions.Catalog(), () => { }, Cancel);
        await oracle.CheckAsync(store.Host, [1_800, 3_600], "changed");
        await store.FillAsync(oracle, Transactions.Many(seed: 6, Some(200), first: 5_000));
        await oracle.CheckAsync(store.Host, [1_800, 3_600], "went on");
        await store.RestartAsync();
        await oracle.CheckAsync(store.Host, [1_800, 3_600], "restarted");
        (await store.PushAsync(Transactions.Of(7, 0, "c1", "t1", 1))).ShouldBe([IntakeResult.Duplicate]);
    }

    [Fact]
    public async Task A_change_of_definitions_that_cannot_be_recorded_leaves_the_old_ones_live()
    {
        await using ConformanceStore store = await OpenAsync(Transactions.Catalog(terminals: false));
        await store.PushAsync(Transactions.Of(1, 0, "ann", "t1", 10));
        await Should.ThrowAsync<IOException>(async () => await store.Host.ChangeCatalogAsync(Transactions.Catalog(), () => throw new IOException("the registry is full"), Cancel));
        store.Host.Catalog.Entity("terminal").ShouldBeNull();
        (await store.PushAsync(Transactions.Of(2, 0, "ann", "t1", 10))).ShouldBe([IntakeResult.Accepted]);
    }

    [Fact]
    public async Task An_event_without_any_view_is_kept_for_views_to_come()
    {
        Catalog bare = Catalog.Compile(Transactions.Catalog().Definitions with { FeatureViews = [] }, out _)!;
        await using ConformanceStore store = await OpenAsync(bare);
        await store.PushAsync(Transactions.Of(1, 0, "ann", "t1", 10));
        await store.Host.ChangeCatalogAsync(Transactions.Catalog(), () => { }, Cancel);
        (await store.ReadAsync("customer", "ann", Transactions.At(0)))["sum"].Scalar.ShouldBe(Value.Of(10.0));
    }

    /// <summary>A change waits for batches that were begun before it, and others wait for the change: no event is judged by one catalog and applied by another.</summary>
    [Fact]
    public async Task Definitions_change_back_and_forth_under_pushes_and_every_event_counts_in_all_of_them()
    {
        await using ConformanceStore store = await OpenAsync(Transactions.Catalog(terminals: false));
        var oracle = new TransactionOracle();
        Push[] events = Transactions.Many(seed: 9, Some(1_000));
        oracle.Apply(store.Host.Catalog, events);
        Task pushing = Task.Run(
            async () =>
            {
                foreach (Push[] batch in events.Chunk(20))
                {
                    (await store.Host.AppendAsync(batch)).Results.ShouldAllBe(result => result == IntakeResult.Accepted);
                }
            },
            Cancel);
        foreach (Catalog next in (Catalog[])[Transactions.Catalog(window: "10m"), Transactions.Catalog(terminals: false, window: "1m"), Transactions.Catalog()])
        {
            await store.Host.ChangeCatalogAsync(next, () => { }, Cancel);
        }

        await pushing;
        await store.WaitAllAppliedAsync();
        await oracle.CheckAsync(store.Host, [1_800, 3_600], "changed three times");
    }
}
