using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Operations;

namespace OrleansFeatures.Conformance;

/// <summary>History recomputed beside the live state: a sound store bears it out.</summary>
public abstract class ReconcileConformance<TStores> : HostConformance<TStores>
    where TStores : IStores
{
    [Fact]
    public async Task A_sound_store_has_no_differences_whatever_came_late_twice_or_was_corrected()
    {
        await using ConformanceStore store = await OpenAsync();
        await ToReconcile.FillAsync(store, 3_000, seed: 17);
        ReconcileReport report = await store.ReconcileAsync();
        report.Differences.ShouldBeEmpty();
        (report.Counts.Differences, report.Counts.Unreadable, report.Counts.Approximate).ShouldBe((0, 0, 0));
        report.Counts.Entities.ShouldBe(ToReconcile.Entities);
        report.Counts.Values.ShouldBeGreaterThan(report.Counts.Entities * 3 * Limits.ReconcileBackMicros.Length);
    }

    [Fact]
    public async Task A_sample_has_the_size_asked_for_and_only_the_type_asked_for()
    {
        await using ConformanceStore store = await OpenAsync();
        await ToReconcile.FillAsync(store, 2_000, seed: 5);
        EntityPlan customer = store.Host.Catalog.Entity("customer")!;
        ReconcileReport sample = await store.ReconcileAsync(new ReconcileScope(customer, 7, 1) { RecordsPerPassMax = 50 });
        sample.Counts.Entities.ShouldBe(7);
        (await store.ReconcileAsync(new ReconcileScope(customer, 1_000, 1))).Counts.Entities.ShouldBe(ToReconcile.Customers);
    }

    [Fact]
    public async Task While_events_keep_coming_each_value_is_compared_at_its_own_state()
    {
        await using ConformanceStore store = await OpenAsync();
        await ToReconcile.FillAsync(store, 1_000, seed: 8);
        using var enough = new CancellationTokenSource();
        long pushed = 0;
        Task pushing = Task.Run(
            async () =>
            {
                for (long id = 1_000_000; !enough.IsCancellationRequested; id += 20)
                {
                    await store.PushAsync([.. Enumerable.Range(0, 20).Select(step => Transactions.Of(id + step, 3_600 + (id + step - 1_000_000), $"c{(id + step) % ToReconcile.Customers}", $"t{step % 10}", step))]);
                    Interlocked.Add(ref pushed, 20);
                }
            },
            Cancel);

        // One batch for each few entities: many catch-ups, most of them with something to catch up with.
        long during = 0;
        for (int run = 0; run < 5; run++)
        {
            long before = Interlocked.Read(ref pushed);
            ReconcileReport report = await store.ReconcileAsync(ToReconcile.Everything with { BatchEntities = 4 });
            during += Interlocked.Read(ref pushed) - before;
            ToReconcile.Differences(report).ShouldBeEmpty();
            report.Counts.Entities.ShouldBe(ToReconcile.Entities);
        }

        await enough.CancelAsync();
        await pushing;
        during.ShouldBeGreaterThan(0);
    }

    [Fact]
    public async Task One_reconciliation_at_a_time_and_a_cancelled_one_makes_way()
    {
        await using ConformanceStore store = await OpenAsync();
        await ToReconcile.FillAsync(store, 500, seed: 2);
        using var cancel = new CancellationTokenSource();
        var started = new TaskCompletionSource();
        var goOn = new TaskCompletionSource();
        Task<ReconcileReport> first = store.Host.ReconcileAsync(
            ToReconcile.Everything,
            _ =>
            {
                started.TrySetResult();
                goOn.Task.GetAwaiter().GetResult();
            },
            cancel.Token);
        await started.Task;
        await Should.ThrowAsync<ReconcileUnderWayException>(() => store.ReconcileAsync());
        await cancel.CancelAsync();
        goOn.SetResult();

        // It was at its last report or before another pass: either way it ends.
        await Task.WhenAny(first);
        (await store.ReconcileAsync()).Counts.Differences.ShouldBe(0);
    }
}
