using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Following;
using OrleansFeatures.Log;

namespace OrleansFeatures.Conformance;

/// <summary>Following the log: everything, once, in order, and never before a read would see it.</summary>
public abstract class FollowConformance<TStores> : HostConformance<TStores>
    where TStores : IStores
{
    [Fact]
    public async Task Followers_at_every_entry_see_the_same_changes_in_the_order_of_the_log_while_events_come()
    {
        await using ConformanceStore store = await OpenAsync();
        Push[] events = Transactions.Many(seed: 11, Some(2_000));
        Task<List<EntityChange>>[] following = [.. store.Entries.Select(entry => Task.Run(() => TakeAsync(entry, LogSequence.None, 2 * events.Length), Cancel))];
        foreach (Push[] batch in events.Chunk(41))
        {
            await store.Host.AppendAsync(batch);
        }

        List<EntityChange>[] seen = await Task.WhenAll(following);
        string[] inTheLog = (await store.RecordsAsync()).Select(Show).OfType<string>().ToArray();
        foreach (List<EntityChange> changes in seen)
        {
            changes.Select(change => Show(change)).ShouldBe(inTheLog);
            changes.Select(change => change.Sequence.Value).ShouldBeInOrder(SortDirection.Ascending);
        }
    }

    [Fact]
    public async Task What_a_follower_has_been_shown_a_read_at_its_entry_sees()
    {
        await using ConformanceStore store = await OpenAsync();
        Push[] events = Transactions.Many(seed: 12, Some(500));
        Task pushing = Task.Run(
            async () =>
            {
                foreach (Push[] batch in events.Chunk(7))
                {
                    await store.Other.AppendAsync(batch);
                }
            },
            Cancel);
        int left = 2 * events.Length;
        await foreach (AppliedChanges slice in store.Host.FollowAsync(LogSequence.None, null, Cancel))
        {
            foreach (EntityChange change in slice.Changes)
            {
                string entity = store.Host.Catalog.Entity(change.EntityType)!.Name;
                var read = new Entities.Reads.FeatureRead(store.Host.Catalog.AllOf(entity)!, 1) { Keys = { [0] = change.Key }, AsOf = { [0] = Transactions.At(3_600) } };
                await store.Host.ReadAsync(read, Cancel);
                read.Stamps[0].StateVersion.ShouldBeGreaterThan(change.Offset.Value);
            }

            if ((left -= slice.Changes.Count) == 0)
            {
                break;
            }
        }

        await pushing;
    }

    [Fact]
    public async Task From_any_slice_a_follower_goes_on_at_another_entry_or_after_a_restart_and_misses_nothing()
    {
        await using ConformanceStore store = await OpenAsync();
        Push[] events = Transactions.Many(seed: 13, Some(600));
        List<EntityChange> seen = [];
        LogSequence place = LogSequence.None;
        foreach ((Push[] batch, int number) in events.Chunk(Math.Max(1, events.Length / 6)).Select((batch, number) => (batch, number)))
        {
            await store.PushAsync(batch);
            if (number == 3)
            {
                await store.RestartAsync();
            }

            await foreach (AppliedChanges slice in store.Entries[number % 2].FollowAsync(place, null, Cancel))
            {
                seen.AddRange(slice.Changes);
                place = slice.Through;

                // Away in the middle of what there is, or at its end.
                if (number % 2 == 0 || place.CompareTo(store.Host.DurableSequence) >= 0)
                {
                    break;
                }
            }
        }

        seen.AddRange(await TakeAsync(store.Host, place, (2 * events.Length) - seen.Count));
        seen.Select(change => Show(change)).ShouldBe((await store.RecordsAsync()).Select(Show).OfType<string>());
    }

    [Fact]
    public async Task What_the_filter_does_not_want_goes_by_and_the_place_moves_all_the_same()
    {
        await using ConformanceStore store = await OpenAsync();
        await store.PushAsync(Transactions.Many(seed: 14, Some(300)));
        byte[] ann = HostCalls.KeyOf("ann");
        uint customer = store.Host.Catalog.Entity("customer")!.Id;
        bool IsAnn(uint entityType, ReadOnlySpan<byte> key) => entityType == customer && key.SequenceEqual(ann);
        await using IAsyncEnumerator<AppliedChanges> slices = store.Host.FollowAsync(LogSequence.None, IsAnn, Cancel).GetAsyncEnumerator(Cancel);
        LogSequence place = LogSequence.None;
        while (place.CompareTo(store.Host.DurableSequence) < 0)
        {
            (await slices.MoveNextAsync()).ShouldBeTrue();
            slices.Current.Changes.ShouldBeEmpty();
            slices.Current.Through.CompareTo(place).ShouldBeGreaterThan(0);
            place = slices.Current.Through;
        }

        ValueTask<bool> next = slices.MoveNextAsync();
        next.IsCompleted.ShouldBeFalse("nothing has come since");
        await store.PushAsync(Transactions.Insert(1_000_000, 5, "ann", "t1", 1));
        (await next).ShouldBeTrue();
        while (slices.Current.Changes.Count == 0)
        {
            (await slices.MoveNextAsync()).ShouldBeTrue();
        }

        EntityChange change = slices.Current.Changes.ShouldHaveSingleItem();
        (change.EntityType, change.Time, change.Operation).ShouldBe((customer, Transactions.At(5), EventOperation.Insert));
    }

    [Fact]
    public async Task A_correction_is_shown_to_the_entity_that_the_event_leaves_and_to_the_one_that_it_comes_to()
    {
        await using ConformanceStore store = await OpenAsync(Transactions.Catalog(terminals: false));
        await store.PushAsync(Transactions.Insert(1, 10, "ann", "t1", 1));
        LogSequence before = store.Host.DurableSequence;
        await store.PushAsync(Transactions.Upsert(1, 20, "bob", "t1", 2));
        await store.PushAsync(Transactions.Delete(1));
        List<EntityChange> changes = await TakeAsync(store.Host, before, 3);
        changes.OrderBy(change => change.Operation).ThenBy(change => change.Sequence).Select(change => (TextOf(change), change.Operation, change.PreviousTime)).ShouldBe(
        [
            ("bob", EventOperation.Upsert, Transactions.At(10)),
            ("bob", EventOperation.Delete, Transactions.At(20)),
            ("ann", EventOperation.Retract, Transactions.At(10)),
        ]);
    }

    [Fact]
    public async Task A_follower_that_is_not_wanted_any_more_ends()
    {
        await using ConformanceStore store = await OpenAsync();
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        await using IAsyncEnumerator<AppliedChanges> slices = store.Host.FollowAsync(store.Host.DurableSequence, null, enough.Token).GetAsyncEnumerator(Cancel);
        Task<bool> next = slices.MoveNextAsync().AsTask();
        next.IsCompleted.ShouldBeFalse();
        await enough.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(next);
    }

    private static async Task<List<EntityChange>> TakeAsync(IEntityHost host, LogSequence after, int count)
    {
        List<EntityChange> seen = [];
        if (count == 0)
        {
            return seen;
        }

        await foreach (AppliedChanges slice in host.FollowAsync(after, null, Cancel))
        {
            slice.Changes.Count.ShouldBeLessThanOrEqualTo(Entities.Limits.FollowSliceChangesMax);
            seen.AddRange(slice.Changes);
            if (seen.Count >= count)
            {
                break;
            }
        }

        seen.Count.ShouldBe(count);
        return seen;
    }

    private static string TextOf(EntityChange change) => System.Text.Encoding.UTF8.GetString(change.Key.Span[^3..]);

    private static string Show(EntityChange change) => $"{change.EntityType} {Convert.ToHexString(change.Key.Span)} {change.Stream} {change.Time.Micros} {change.Arrival.Micros} {change.Operation}";

    private static string? Show(byte[] payload)
    {
        EventRecord record = EventRecord.Parse(payload);
        return record.EntityTypeId == EventRecord.NoEntity ? null : $"{record.EntityTypeId} {Convert.ToHexString(record.Key)} {record.StreamId} {record.Time.Micros} {record.Arrival.Micros} {record.Operation}";
    }
}
