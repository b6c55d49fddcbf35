using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Entities.Reads;

namespace OrleansFeatures.Conformance;

/// <summary>What each correction does, alone; <see cref="MixedCorrectionConformance{TStores}"/> mixes them.</summary>
public abstract class CorrectionConformance<TStores> : HostConformance<TStores>
    where TStores : IStores
{
    [Fact]
    public async Task An_upsert_replaces_the_event_and_an_identical_one_is_a_duplicate_without_a_record()
    {
        await using ConformanceStore store = await OpenAsync();
        await store.PushAsync(Transactions.Insert(1, 0, "ann", "t1", 10));
        (await ResultAsync(store, Transactions.Upsert(1, 0, "ann", "t1", 12))).ShouldBe(IntakeResult.Accepted);
        (await ResultAsync(store, Transactions.Upsert(1, 0, "ann", "t1", 12))).ShouldBe(IntakeResult.Duplicate);
        (await ResultAsync(store, Transactions.Insert(1, 0, "ann", "t1", 10))).ShouldBe(IntakeResult.Duplicate);

        (await SumAsync(store, "customer", "ann")).ShouldBe(12);
        (await SumAsync(store, "terminal", "t1")).ShouldBe(12);
        List<byte[]> records = await store.RecordsAsync();
        records.Count.ShouldBe(4);
        EventRecord primary = EventRecord.Parse(records[2]);
        primary.IsPrimary.ShouldBeTrue();
        primary.Operation.ShouldBe(EventOperation.Upsert);
        primary.Previous.ShouldBe(new EventVersion(Transactions.At(0).Micros, 0));
        EventRecord.Parse(records[3]).IsPrimary.ShouldBeFalse();
    }

    [Fact]
    public async Task An_upsert_that_moves_the_event_to_another_entity_takes_it_back_from_the_old_one()
    {
        await using ConformanceStore store = await OpenAsync();
        await store.PushAsync(Transactions.Insert(1, 0, "ann", "t1", 10));
        await store.PushAsync(Transactions.Upsert(1, 5, "bob", "t1", 12));

        (await SumAsync(store, "customer", "ann")).ShouldBeNull();
        (await SumAsync(store, "customer", "bob")).ShouldBe(12);
        (await SumAsync(store, "terminal", "t1")).ShouldBe(12);
        List<byte[]> records = await store.RecordsAsync();
        records.Skip(2).Select(bytes => EventRecord.Parse(bytes).Operation).ShouldBe([EventOperation.Upsert, EventOperation.Retract, EventOperation.Upsert]);
        (await SumAsync(store, "customer", "ann")).ShouldBeNull();
    }

    [Fact]
    public async Task A_delete_needs_only_the_id_and_its_records_say_what_it_took_back()
    {
        await using ConformanceStore store = await OpenAsync();
        await store.PushAsync(Transactions.Insert(1, 7, "ann", "t1", 10), Transactions.Insert(2, 7, "ann", "t1", 1));
        (await ResultAsync(store, Transactions.Delete(1))).ShouldBe(IntakeResult.Accepted);

        (await SumAsync(store, "customer", "ann")).ShouldBe(1);
        (await SumAsync(store, "terminal", "t1")).ShouldBe(1);
        await store.Host.ShouldHoldAsync(1);
        List<byte[]> records = await store.RecordsAsync();
        records.Count.ShouldBe(6);
        EventRecord deleted = EventRecord.Parse(records[4]);
        deleted.Operation.ShouldBe(EventOperation.Delete);
        deleted.Time.ShouldBe(Transactions.At(7));
        deleted.Previous.ShouldBe(new EventVersion(Transactions.At(7).Micros, 0));
        deleted.Key.SequenceEqual(EventRecord.Parse(records[0]).Key).ShouldBeTrue();
        await store.Host.ShouldHoldAsync(1);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_table_of_what_an_id_may_meet(bool restartBetween)
    {
        await using ConformanceStore store = await OpenAsync();
        foreach ((Push push, IntakeResult expected, double? sum) in new (Push, IntakeResult, double?)[]
        {
            (Transactions.Upsert(1, 0, "ann", "t1", 5), IntakeResult.Accepted, 5),
            (Transactions.Insert(1, 0, "ann", "t1", 6), IntakeResult.Duplicate, 5),
            (Transactions.Delete(1), IntakeResult.Accepted, null),
            (Transactions.Delete(1), IntakeResult.Duplicate, null),
            (Transactions.Insert(1, 0, "ann", "t1", 6), IntakeResult.Duplicate, null),
            (Transactions.Upsert(1, 0, "ann", "t1", 5), IntakeResult.Accepted, 5),
            (Transactions.Upsert(1, 0, "ann", "t1", 5), IntakeResult.Duplicate, 5),
            (Transactions.Delete(2), IntakeResult.Accepted, 5),
            (Transactions.Delete(2), IntakeResult.Duplicate, 5),
            (Transactions.Insert(2, 0, "ann", "t1", 6), IntakeResult.Duplicate, 5),
            (Transactions.Upsert(2, 0, "ann", "t1", 7), IntakeResult.Accepted, 12),
        })
        {
            (await ResultAsync(store, push)).ShouldBe(expected, push.ToString());
            if (restartBetween)
            {
                await store.RestartAsync();
            }

            (await SumAsync(store, "customer", "ann")).ShouldBe(sum, push.ToString());
            (await SumAsync(store, "terminal", "t1")).ShouldBe(sum, push.ToString());
        }
    }

    [Fact]
    public async Task Corrections_of_one_event_in_one_batch_follow_each_other_behind_its_insert()
    {
        await using ConformanceStore store = await OpenAsync();
        CorrectionOutcome[] outcomes = await store.PushAsync(
            Transactions.Insert(1, 0, "ann", "t1", 1), Transactions.Upsert(1, 0, "bob", "t1", 2), Transactions.Upsert(1, 0, "bob", "t1", 2), Transactions.Delete(1), Transactions.Delete(1), Transactions.Upsert(1, 0, "cid", "t2", 3), Transactions.Insert(1, 0, "ann", "t1", 9));
        outcomes.Select(outcome => outcome.Result).ShouldBe(
            [IntakeResult.Accepted, IntakeResult.Accepted, IntakeResult.Duplicate, IntakeResult.Accepted, IntakeResult.Duplicate, IntakeResult.Accepted, IntakeResult.Duplicate]);
        (await SumAsync(store, "customer", "ann")).ShouldBeNull();
        (await SumAsync(store, "customer", "bob")).ShouldBeNull();
        (await SumAsync(store, "customer", "cid")).ShouldBe(3);
        (await SumAsync(store, "terminal", "t1")).ShouldBeNull();
    }

    [Fact]
    public async Task An_insert_that_meets_a_correction_of_an_unknown_event_is_acknowledged_only_with_it()
    {
        await using ConformanceStore store = await OpenAsync();
        await Task.WhenAll(Enumerable.Range(0, 200).SelectMany(id => (Task[])
        [
            Task.Run(() => store.PushAsync(Transactions.Upsert(id, 0, "ann", "t1", 1))),
            Task.Run(() => store.PushAsync(Transactions.Insert(id, 0, "ann", "t1", 5))),
        ]));
        (await SumAsync(store, "customer", "ann")).ShouldBe(200);
        await store.Host.ShouldHoldAsync(200);
    }

    [Fact]
    public async Task A_correction_is_as_late_as_its_event_was()
    {
        await using ConformanceStore store = await OpenAsync(Transactions.Catalog(customerLateness: new Duration(3_600_000_000)));
        await store.PushAsync(Transactions.Insert(1, 0, "ann", "t1", 1), Transactions.Insert(2, 7_200, "ann", "t1", 1), Transactions.Insert(3, 0, "ann", "t1", 1));
        CorrectionOutcome[] outcomes = await store.PushAsync(Transactions.Upsert(1, 0, "ann", "t1", 10), Transactions.Upsert(3, 0, "ann", "t1", 10));

        outcomes.Select(outcome => outcome.Result).ShouldBe([IntakeResult.Accepted, IntakeResult.Late]);
        outcomes[1].Note.LateViews.Length.ShouldBe(1);
        (await SumAsync(store, "customer", "ann", at: 60)).ShouldBe(10);
        (await SumAsync(store, "terminal", "t1", at: 60)).ShouldBe(20);
    }

    [Fact]
    public async Task A_correction_does_not_hold_stream_time_back()
    {
        await using ConformanceStore store = await OpenAsync(Transactions.Catalog(customerLateness: new Duration(3_600_000_000)));
        await store.PushAsync(Transactions.Insert(1, 0, "ann", "t1", 1), Transactions.Insert(2, 3_600, "ann", "t1", 1));
        await store.PushAsync(Transactions.Upsert(1, 0, "ann", "t1", 2) with { Producer = "back office" }, Transactions.Delete(9) with { Producer = "back office" });
        foreach (int step in (int[])[1, 2])
        {
            (await store.PushAsync(Transactions.Insert(step + 10, 7_200 * step, "ann", "t1", 1)))[0].Note.StreamTimeMicros.ShouldBe(Transactions.At(7_200 * step).Micros);
            await store.RestartAsync();
            await store.Host.ShouldHaveSeenAsync(Transactions.At(7_200 * step));
        }
    }

    [Fact]
    public async Task A_correction_is_checked_like_an_insert_and_a_delete_by_its_id_alone()
    {
        await using ConformanceStore store = await OpenAsync();
        Value[] noId = new Value[5];
        CorrectionOutcome[] outcomes = await store.PushAsync(Transactions.Upsert(1, 0, "ann", "t1", double.NaN), new Push(noId, EventOperation.Delete));
        outcomes.ShouldAllBe(outcome => outcome.Result == IntakeResult.Refused);
        outcomes[0].Note.Refusal!.Field.ShouldBe("amount");
        outcomes[1].Note.Refusal!.Field.ShouldBe("tx_id");
    }

    [Fact]
    public async Task What_was_known_before_a_correction_stays_readable()
    {
        await using ConformanceStore store = await OpenAsync();
        await store.PushAsync(Transactions.Insert(1, 0, "ann", "t1", 10) with { Arrival = Transactions.At(100) });
        await store.PushAsync(Transactions.Upsert(1, 30, "ann", "t1", 12) with { Arrival = Transactions.At(200) });
        await store.PushAsync(Transactions.Delete(1) with { Arrival = Transactions.At(300) });
        foreach (bool restarted in (bool[])[false, true])
        {
            foreach ((long knownAt, double? sum) in ((long, double?)[])[(99, null), (100, 10), (199, 10), (200, 12), (299, 12), (300, null)])
            {
                FeatureRead read = store.Question("customer", Transactions.At(600), "ann");
                read.KnownAt[0] = Transactions.At(knownAt);
                await store.Host.ReadAsync(read, Cancel);
                FeatureValue value = read.Values[read.Selection.Features.ToList().FindIndex(feature => feature.Name == "sum")];
                (value.Status == FeatureStatus.Present ? value.Scalar.Double : (double?)null).ShouldBe(sum, $"known at {knownAt}, restarted {restarted}");
            }

            await store.RestartAsync();
        }
    }

    private static async Task<IntakeResult> ResultAsync(ConformanceStore store, Push push) => (await store.PushAsync(push))[0].Result;

    /// <summary>The sum of the hour, the same live and from history; null where there is none.</summary>
    private static async Task<double?> SumAsync(ConformanceStore store, string entity, string key, long at = 600)
    {
        FeatureValue live = (await store.ReadAsync(entity, key, Transactions.At(at)))["sum"];
        (await store.ReadAsync(entity, key, Transactions.At(at), history: true))["sum"].ShouldBe(live);
        return live.Status == FeatureStatus.Present ? live.Scalar.Double : null;
    }
}
