using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Intake;

namespace OrleansFeatures.Conformance;

/// <summary>Every event counts once for every entity that it concerns, whoever pushes it how often.</summary>
public abstract class AppendConformance<TStores> : HostConformance<TStores>
    where TStores : IStores
{
    [Fact]
    public async Task An_event_reaches_every_entity_that_it_concerns()
    {
        await using ConformanceStore store = await OpenAsync();
        (await store.PushAsync(Transactions.Of(1, 0, "ann", "t1", 10), Transactions.Of(2, 5, "bob", "t1", 20)))
            .ShouldBe([IntakeResult.Accepted, IntakeResult.Accepted]);

        (await store.ReadAsync("customer", "ann", Transactions.At(5)))["sum"].Scalar.ShouldBe(Value.Of(10.0));
        (await store.ReadAsync("terminal", "t1", Transactions.At(5)))["sum"].Scalar.ShouldBe(Value.Of(30.0));
        (await store.ReadAsync("terminal", "t1", Transactions.At(4)))["count"].Scalar.ShouldBe(Value.Of(1L));
    }

    [Fact]
    public async Task A_duplicate_changes_nothing_whatever_it_says()
    {
        await using ConformanceStore store = await OpenAsync();
        (await store.PushAsync(Transactions.Of(1, 0, "ann", "t1", 10), Transactions.Of(1, 0, "ann", "t1", 10)))
            .ShouldBe([IntakeResult.Accepted, IntakeResult.Duplicate]);
        (await store.PushAsync(Transactions.Of(1, 0, "ann", "t1", 10))).ShouldBe([IntakeResult.Duplicate]);
        (await store.PushAsync(Transactions.Of(1, 9, "bob", "t2", 99))).ShouldBe([IntakeResult.Duplicate]);

        (await store.ReadAsync("customer", "ann", Transactions.At(10)))["count"].Scalar.ShouldBe(Value.Of(1L));
        (await store.ReadAsync("customer", "bob", Transactions.At(10)))["count"].Scalar.ShouldBe(Value.Of(0L));
    }

    [Fact]
    public async Task A_refused_event_leaves_its_neighbours_alone()
    {
        await using ConformanceStore store = await OpenAsync();
        Value[] bad = Transactions.Of(2, 0, "ann", "t1", double.NaN);
        (await store.PushAsync(Transactions.Of(1, 0, "ann", "t1", 10), bad, Transactions.Of(3, 0, "ann", "t1", 5)))
            .ShouldBe([IntakeResult.Accepted, IntakeResult.Refused, IntakeResult.Accepted]);
        (await store.ReadAsync("customer", "ann", Transactions.At(0)))["sum"].Scalar.ShouldBe(Value.Of(15.0));
        bad[4] = Value.Of(1.0);
        (await store.PushAsync(bad)).ShouldBe([IntakeResult.Accepted]);
    }

    [Theory]
    [InlineData(0, "tx_id")]
    [InlineData(1, "tx_time")]
    [InlineData(2, "customer_id")]
    [InlineData(4, "amount")]
    public async Task A_refusal_names_the_field_and_what_to_do_about_it(int position, string field)
    {
        await using ConformanceStore store = await OpenAsync();
        Value[] fields = Transactions.Of(1, 0, "ann", "t1", 10);
        fields[position] = position == 4 ? Value.Of(double.PositiveInfinity) : Value.Null;
        foreach (IEntityHost entry in store.Entries)
        {
            CorrectionOutcome refused = (await entry.PushAsync(new Push(fields)))[0];
            refused.Result.ShouldBe(IntakeResult.Refused);
            refused.Note.Refusal!.Field.ShouldBe(field);
            refused.Note.Refusal.Reason.ShouldNotBeEmpty();
            refused.Note.Refusal.Fix.ShouldNotBeEmpty();
        }

        (await store.RecordsAsync()).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_batch_given_up_leaves_nothing_behind_and_its_ids_are_free()
    {
        await using ConformanceStore store = await OpenAsync();
        using (IntakeBatch given = await store.Host.BeginBatchAsync(Cancel))
        {
            Transactions.Insert(1, 0, "ann", "t1", 10).AddTo(given);
        }

        (await store.Other.PushAsync(Transactions.Of(1, 0, "ann", "t1", 5))).ShouldBe([IntakeResult.Accepted]);
        (await store.ReadAsync("customer", "ann", Transactions.At(0)))["sum"].Scalar.ShouldBe(Value.Of(5.0));
    }

    [Fact]
    public async Task An_event_that_one_entry_took_is_a_duplicate_at_the_other()
    {
        await using ConformanceStore store = await OpenAsync();
        (await store.Host.PushAsync(Transactions.Of(1, 0, "ann", "t1", 10))).ShouldBe([IntakeResult.Accepted]);
        (await store.Other.PushAsync(Transactions.Of(1, 0, "ann", "t1", 10), Transactions.Of(2, 0, "ann", "t1", 1))).ShouldBe([IntakeResult.Duplicate, IntakeResult.Accepted]);
        (await store.Host.PushAsync(Transactions.Of(2, 9, "bob", "t1", 99))).ShouldBe([IntakeResult.Duplicate]);
        (await store.Other.ReadAsync("customer", "ann", Transactions.At(0)))["sum"].Scalar.ShouldBe(Value.Of(11.0));
    }

    [Fact]
    public async Task Many_connections_pushing_the_same_events_count_each_once()
    {
        await using ConformanceStore store = await OpenAsync();
        Push[] events = Transactions.Many(seed: 8, Some(1_500));
        var oracle = new TransactionOracle();
        oracle.Apply(store.Host.Catalog, events);
        int accepted = 0;
        await Task.WhenAll(Enumerable.Range(0, 6).Select(connection => Task.Run(async () =>
        {
            foreach (Push[] batch in events.Chunk(97))
            {
                Interlocked.Add(ref accepted, (await store.Entries[connection % 2].PushAsync(batch)).Count(outcome => outcome.Result == IntakeResult.Accepted));
            }
        })));
        accepted.ShouldBe(events.Length, "one connection is told that an event is new, the others that it is a duplicate");
        await oracle.CheckAsync(store.Host, [1_800, 3_600], "six connections");
        await store.Host.ShouldHoldAsync(events.Length);
    }
}
