using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Log;

namespace OrleansFeatures.Conformance;

/// <summary>What a read answers: of whom nothing is known, of the past, with a token, from one state.</summary>
public abstract class ReadConformance<TStores> : HostConformance<TStores>
    where TStores : IStores
{
    [Fact]
    public async Task An_entity_never_seen_answers_as_an_empty_window()
    {
        await using ConformanceStore store = await OpenAsync();
        var values = await store.ReadAsync("customer", "nobody", Transactions.At(0));
        values["count"].ShouldBe(FeatureValue.Of(Value.Of(0L)));
        values["sum"].ShouldBe(FeatureValue.NotFound);
        FeatureRead read = store.Question("customer", Transactions.At(0), "nobody");
        await store.Host.ReadAsync(read, Cancel);
        read.Stamps[0].ShouldBe(default);
    }

    [Fact]
    public async Task A_read_waits_for_its_token_and_no_longer()
    {
        await using ConformanceStore store = await OpenAsync();
        using var patience = new CancellationTokenSource();
        Task waiting = store.Host.WaitAppliedAsync(new PartitionOffset(new PartitionId(3), new LogOffset(0)), patience.Token).AsTask();
        waiting.IsCompleted.ShouldBeFalse();
        await patience.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(waiting);
    }

    [Fact]
    public async Task History_answers_what_live_state_has_forgotten()
    {
        await using ConformanceStore store = await OpenAsync();
        const int Days = 6;
        for (int batch = 0; batch < Days; batch++)
        {
            // A hundred events a day: whole chunks grow old and leave, because retention is the window and a day.
            await store.PushAsync([.. Enumerable.Range(0, 100).Select(index => Transactions.Of((batch * 100) + index, (batch * 86_400) + index, "ann", "t1", 1))]);
        }

        EventTime past = Transactions.At(99);
        (await store.ReadAsync("customer", "ann", past))["count"].Status.ShouldBe(FeatureStatus.OutsideRetention);
        (await store.ReadAsync("customer", "ann", past, history: true))["count"].Scalar.ShouldBe(Value.Of(100L));
        (await store.ReadAsync("customer", "ann", Transactions.At(-1), history: true))["count"].Scalar.ShouldBe(Value.Of(0L));
        EventTime now = Transactions.At(((Days - 1) * 86_400) + 99);
        (await store.ReadAsync("customer", "ann", now, history: true)).ShouldBe(await store.ReadAsync("customer", "ann", now));
    }

    [Fact]
    public async Task A_token_of_one_entry_makes_the_other_wait_until_it_sees_the_event()
    {
        await using ConformanceStore store = await OpenAsync();
        for (int id = 1; id <= Some(200); id++)
        {
            IEntityHost writer = store.Entries[id % 2];
            IEntityHost reader = store.Entries[(id + 1) % 2];
            Pushed pushed = await writer.AppendAsync(Transactions.Insert(id, id, "ann", "t1", 1));
            await reader.WaitAppliedAsync(pushed.Positions);
            (await reader.ReadAsync("customer", "ann", Transactions.At(id)))["count"].Scalar.ShouldBe(Value.Of((long)id));
        }
    }

    /// <summary>Every transaction is of one franc: in one state, the sum is the count, and so is the length of the list up to three.</summary>
    [Fact]
    public async Task All_features_of_an_entity_are_of_one_state_while_events_come_and_its_version_never_goes_back()
    {
        await using ConformanceStore store = await OpenAsync();
        using var enough = new CancellationTokenSource();
        Task pushing = Task.Run(
            async () =>
            {
                for (int id = 0; !enough.IsCancellationRequested; id += 10)
                {
                    await store.Host.PushAsync([.. Enumerable.Range(id, 10).Select(number => Transactions.Of(number, number % 3_600, "ann", $"t{number % 2}", 1))]);
                }
            },
            Cancel);
        string[] names = ["count", "sum", "last3"];
        foreach (IEntityHost entry in store.Entries)
        {
            long version = 0;
            for (int look = 0; look < Some(300); look++)
            {
                FeatureRead read = await entry.AskAsync("customer", Transactions.At(3_600), ["ann"]);
                long count = read.Values[0].Scalar.Int64;
                read.Selection.Features.Select(feature => feature.Name).ShouldBe(names);
                (read.Values[1].HasValue ? read.Values[1].Scalar.Double : 0).ShouldBe(count);
                (read.Values[2].List?.Length ?? 0).ShouldBe((int)Math.Min(3, count));
                read.Stamps[0].StateVersion.ShouldBeGreaterThanOrEqualTo(version);
                version = read.Stamps[0].StateVersion;
            }
        }

        await enough.CancelAsync();
        await pushing;
    }

    [Fact]
    public async Task One_question_about_many_entities_answers_each_in_its_place()
    {
        await using ConformanceStore store = await OpenAsync();
        const int Count = 100;
        await store.PushAsync([.. Enumerable.Range(0, Count).Select(number => Transactions.Of(number, number, $"customer {number}", $"t{number % 7}", number + 1))]);
        string[] keys = [.. Enumerable.Range(0, 2 * Count).Select(number => $"customer {number * 37 % (2 * Count)}")];
        foreach (IEntityHost entry in store.Entries)
        {
            FeatureRead read = await entry.AskAsync("customer", Transactions.At(Count), keys);
            for (int row = 0; row < keys.Length; row++)
            {
                int number = row * 37 % (2 * Count);
                read.Values[(row * 3) + 1].ShouldBe(number < Count ? FeatureValue.Of(Value.Of(number + 1.0)) : FeatureValue.NotFound, keys[row]);
                (read.Stamps[row] == default).ShouldBe(number >= Count, keys[row]);
            }
        }
    }

    [Fact]
    public async Task What_an_entity_takes_is_told_and_of_one_never_seen_nothing_is()
    {
        await using ConformanceStore store = await OpenAsync();
        await store.PushAsync(Transactions.Many(seed: 3, Some(300)));
        foreach (IEntityHost entry in store.Entries)
        {
            (await entry.MemoryOfAsync(entry.Catalog.Entity("customer")!, HostCalls.KeyOf("c1"), Cancel)).ShouldNotBeNull();
            (await entry.MemoryOfAsync(entry.Catalog.Entity("customer")!, HostCalls.KeyOf("nobody"), Cancel)).ShouldBeNull();
        }
    }
}
