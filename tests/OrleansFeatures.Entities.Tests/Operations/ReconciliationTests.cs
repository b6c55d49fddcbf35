using OrleansFeatures.Domain;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities.Operations;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.Tests.Operations;

public sealed class ReconciliationTests
{
    [Fact]
    public async Task Entities_that_sleep_in_a_checkpoint_are_compared_like_others()
    {
        await using TestStore store = await TestStore.OpenAsync();
        await ToReconcile.FillAsync(store, 2_000, seed: 23);
        await store.Host.CheckpointAsync(TestContext.Current.CancellationToken);
        await ToReconcile.FillAsync(store, 500, seed: 24);
        await store.ReopenAsync(store.Host.Catalog);
        store.Host.Status().Partitions.Sum(partition => partition.Awake).ShouldBeLessThan(ToReconcile.Entities, "most sleep");
        ReconcileReport report = await store.ReconcileAsync();
        ToReconcile.Differences(report).ShouldBeEmpty();
        (report.Counts.Entities, report.Counts.Unreadable).ShouldBe((ToReconcile.Entities, 0));
    }

    [Fact]
    public async Task Where_history_was_cut_values_are_not_comparable_and_not_different()
    {
        await using TestStore store = await TestStore.OpenAsync(
            configure: options => options with { CheckpointOnClose = false, LogSegmentBytesMax = 16 * 1024, RawHistory = TimeSpan.Zero, CheckpointInterval = TimeSpan.FromDays(1) });
        const int Day = 86_400;
        for (int day = 0; day < 14; day++)
        {
            await store.PushAsync([.. Enumerable.Range(0, 100).Select(id => Transactions.Of((day * 100) + id, (day * Day) + id, $"c{id % 10}", "t1", id / 7.0))]);
            if (day is 8 or 9)
            {
                await store.Host.CheckpointAsync(TestContext.Current.CancellationToken);
                store.Clock.Advance(TimeSpan.FromMinutes(1));
            }
        }

        store.Host.Status().FirstSequence.ShouldBeGreaterThan(0, "the oldest segments are gone");
        ReconcileReport report = await store.ReconcileAsync();
        ToReconcile.Differences(report).ShouldBeEmpty();
        report.Counts.Entities.ShouldBe(11);
        report.Counts.OutsideRetention.ShouldBeLessThan(report.Counts.Values, "what lies behind the cut is compared");

        // The oldest of what is left reaches back before the cut: read there, live state knows more than history does.
        await store.Host.ReplayAsync(new LogSequence(0), null, TestContext.Current.CancellationToken);
        ToReconcile.Differences(await store.ReconcileAsync()).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_live_state_that_took_another_event_than_the_log_holds_is_reported_with_both_values()
    {
        await using TestStore store = await TestStore.OpenAsync(Transactions.Catalog(terminals: false));
        await ToReconcile.FillAsync(store, 500, seed: 3);
        await store.PushAsync(Transactions.Of(100_001, 9_000, "ann", "t1", 10));
        await CorruptAsync(store, "ann", Transactions.Of(100_002, 9_001, "ann", "t1", 1_000));
        await store.PushAsync(Transactions.Of(100_002, 9_001, "ann", "t1", 20));

        ReconcileReport report = await store.ReconcileAsync();
        FeatureDifference sum = report.Differences.First(difference => difference.Feature.Name == "sum" && difference.AsOf == Transactions.At(9_001));
        (sum.Live.Scalar, sum.Recomputed.Scalar).ShouldBe((Value.Of(1_010.0), Value.Of(30.0)));
        sum.Entity.Name.ShouldBe("customer");
        EntityKeyEncoding.Read(sum.Key.Span).ShouldBe([Value.Of("ann")]);
        sum.Events.ShouldBe(2);
        sum.Partition.ShouldBe(store.Host.Partitions.Of(sum.Entity, sum.Key.Span));
        sum.StateVersion.ShouldBe(store.Host.DurableOffset(sum.Partition).Value + 1, "the entity's newest record is its partition's");
        report.Differences.Select(difference => EntityKeyEncoding.Read(difference.Key.Span)[0].Text).Distinct().ShouldBe(["ann"], "neighbours are sound");
        report.Counts.Differences.ShouldBe(report.Differences.Count);
    }

    [Fact]
    public async Task An_entity_that_does_not_answer_is_named_with_the_reason_and_its_neighbours_are_compared()
    {
        await using TestStore store = await TestStore.OpenAsync(Transactions.Catalog(terminals: false));
        await store.PushAsync(Transactions.Of(1, 0, "ann", "t1", 10), Transactions.Of(2, 0, "bob", "t1", 10));
        await Should.ThrowAsync<Exception>(() => CorruptAsync(store, "ann", Transactions.Of(3, 1, "ann", "t1", 1_000), cutBytes: 3));

        ReconcileReport report = await store.ReconcileAsync();
        UnreadableEntity ann = report.Unreadable.ShouldHaveSingleItem();
        EntityKeyEncoding.Read(ann.Key.Span).ShouldBe([Value.Of("ann")]);
        ann.Reason.ShouldContain("met a bug");
        (report.Counts.Entities, report.Counts.Unreadable, report.Counts.Differences).ShouldBe((2, 1, 0));
    }

    [Fact]
    public async Task Small_passes_and_batches_compare_every_entity_once()
    {
        await using TestStore store = await TestStore.OpenAsync();
        await ToReconcile.FillAsync(store, 2_000, seed: 5);
        ReconcileReport report = await store.ReconcileAsync(ToReconcile.Everything with { RecordsPerPassMax = 300, BatchEntities = 3 });
        report.Counts.ShouldBe((await store.ReconcileAsync()).Counts);
        report.Counts.Entities.ShouldBe(ToReconcile.Entities);
    }

    [Fact]
    public void Ranges_cover_every_number_once()
    {
        for (int parts = 1; parts < 40; parts++)
        {
            List<NumberRange> ranges = NumberRange.All(parts);
            ranges[0].First.ShouldBe(0ul);
            ranges[^1].Last.ShouldBe(ulong.MaxValue);
            for (int index = 1; index < parts; index++)
            {
                ranges[index].First.ShouldBe(ranges[index - 1].Last + 1);
            }
        }
    }

    /// <summary>The live entity takes an event at the offset that the partition's next record will have; the entity then passes over the record that the log gets there.</summary>
    private static async Task CorruptAsync(TestStore store, string customer, Domain.Events.Value[] fields, int cutBytes = 0)
    {
        await using TestStore other = await TestStore.OpenAsync(Transactions.Catalog(terminals: false));
        await other.PushAsync(fields);
        byte[] payload = (await other.RecordsAsync()).Single();
        byte[] key = new byte[EntityKeyEncoding.BytesMax];
        PartitionId home = store.Host.Partitions.Of(store.Host.Catalog.Entity("customer")!, key.AsSpan(0, EntityKeyEncoding.Append(key, Value.Of(customer))));
        Partition partition = store.Host.Live.PartitionOf(home);
        using (partition.Enter())
        {
            partition.Apply_NeedsLock(EventRecord.Parse(payload.AsSpan(0, payload.Length - cutBytes)), new LogOffset(partition.Applied.Value + 1));
        }
    }
}
