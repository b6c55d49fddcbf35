using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Entities.Embedded;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.Tests.Intake;

/// <summary>What each correction does, alone; <see cref="CorrectionModelTests"/> mixes them.</summary>
public sealed class CorrectionTests
{
    [Fact]
    public async Task An_upsert_replaces_the_event_and_an_identical_one_is_a_duplicate_without_a_record()
    {
        await using TestStore store = await TestStore.OpenAsync();
        await store.PushAsync(Insert(1, 0, "ann", "t1", 10));
        (await ResultAsync(store, Upsert(1, 0, "ann", "t1", 12))).ShouldBe(IntakeResult.Accepted);
        (await ResultAsync(store, Upsert(1, 0, "ann", "t1", 12))).ShouldBe(IntakeResult.Duplicate);
        (await ResultAsync(store, Insert(1, 0, "ann", "t1", 10))).ShouldBe(IntakeResult.Duplicate);

        (await SumAsync(store, "customer", "ann")).ShouldBe(12);
        (await SumAsync(store, "terminal", "t1")).ShouldBe(12);
        List<byte[]> records = await store.RecordsAsync();
        records.Count.ShouldBe(4);
        EventRecord primary = EventRecord.Parse(records[2]);
        primary.IsPrimary.ShouldBeTrue();
        primary.Operation.ShouldBe(EventOperation.Upsert);
        primary.Previous.ShouldBe(new EventVersion(TestStore.At(0).Micros, 0));
        EventRecord.Parse(records[3]).IsPrimary.ShouldBeFalse();
    }

    [Fact]
    public async Task An_upsert_that_moves_the_event_to_another_entity_takes_it_back_from_the_old_one()
    {
        await using TestStore store = await TestStore.OpenAsync();
        await store.PushAsync(Insert(1, 0, "ann", "t1", 10));
        await store.PushAsync(Upsert(1, 5, "bob", "t1", 12));

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
        await using TestStore store = await TestStore.OpenAsync();
        await store.PushAsync(Insert(1, 7, "ann", "t1", 10), Insert(2, 7, "ann", "t1", 1));
        (await ResultAsync(store, Delete(1))).ShouldBe(IntakeResult.Accepted);

        (await SumAsync(store, "customer", "ann")).ShouldBe(1);
        (await SumAsync(store, "terminal", "t1")).ShouldBe(1);
        store.Host.Status().Streams[0].Accepted.ShouldBe(1);
        List<byte[]> records = await store.RecordsAsync();
        records.Count.ShouldBe(6);
        EventRecord deleted = EventRecord.Parse(records[4]);
        deleted.Operation.ShouldBe(EventOperation.Delete);
        deleted.Time.ShouldBe(TestStore.At(7));
        deleted.Previous.ShouldBe(new EventVersion(TestStore.At(7).Micros, 0));
        deleted.Key.SequenceEqual(EventRecord.Parse(records[0]).Key).ShouldBeTrue();
        store.Host.Status().Streams[0].Accepted.ShouldBe(1);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_table_of_what_an_id_may_meet(bool restartBetween)
    {
        await using TestStore store = await TestStore.OpenAsync();
        foreach ((Push push, IntakeResult expected, double? sum) in new (Push, IntakeResult, double?)[]
        {
            (Upsert(1, 0, "ann", "t1", 5), IntakeResult.Accepted, 5),
            (Insert(1, 0, "ann", "t1", 6), IntakeResult.Duplicate, 5),
            (Delete(1), IntakeResult.Accepted, null),
            (Delete(1), IntakeResult.Duplicate, null),
            (Insert(1, 0, "ann", "t1", 6), IntakeResult.Duplicate, null),
            (Upsert(1, 0, "ann", "t1", 5), IntakeResult.Accepted, 5),
            (Upsert(1, 0, "ann", "t1", 5), IntakeResult.Duplicate, 5),
            (Delete(2), IntakeResult.Accepted, 5),
            (Delete(2), IntakeResult.Duplicate, 5),
            (Insert(2, 0, "ann", "t1", 6), IntakeResult.Duplicate, 5),
            (Upsert(2, 0, "ann", "t1", 7), IntakeResult.Accepted, 12),
        })
        {
            (await ResultAsync(store, push)).ShouldBe(expected, push.ToString());
            if (restartBetween)
            {
                await store.ReopenAsync(store.Host.Catalog);
            }

            (await SumAsync(store, "customer", "ann")).ShouldBe(sum, push.ToString());
            (await SumAsync(store, "terminal", "t1")).ShouldBe(sum, push.ToString());
        }
    }

    [Fact]
    public async Task Corrections_of_one_event_in_one_batch_follow_each_other_behind_its_insert()
    {
        await using TestStore store = await TestStore.OpenAsync();
        CorrectionOutcome[] outcomes = await store.PushAsync(
            Insert(1, 0, "ann", "t1", 1), Upsert(1, 0, "bob", "t1", 2), Upsert(1, 0, "bob", "t1", 2), Delete(1), Delete(1), Upsert(1, 0, "cid", "t2", 3), Insert(1, 0, "ann", "t1", 9));
        outcomes.Select(outcome => outcome.Result).ShouldBe(
            [IntakeResult.Accepted, IntakeResult.Accepted, IntakeResult.Duplicate, IntakeResult.Accepted, IntakeResult.Duplicate, IntakeResult.Accepted, IntakeResult.Duplicate]);
        (await SumAsync(store, "customer", "ann")).ShouldBeNull();
        (await SumAsync(store, "customer", "bob")).ShouldBeNull();
        (await SumAsync(store, "customer", "cid")).ShouldBe(3);
        (await SumAsync(store, "terminal", "t1")).ShouldBeNull();
    }

    [Fact]
    public async Task A_correction_waits_for_the_batch_that_inserts_its_event_and_then_replaces_it()
    {
        await using TestStore store = await TestStore.OpenAsync();
        using IntakeBatch original = await store.Host.BeginBatchAsync(TestContext.Current.CancellationToken);
        Insert(1, 0, "ann", "t1", 1).AddTo(original).Result.ShouldBe(IntakeResult.Accepted);
        Task<CorrectionOutcome[]> correcting = store.PushAsync(Upsert(1, 0, "ann", "t1", 2), Upsert(2, 0, "bob", "t2", 4));
        correcting.IsCompleted.ShouldBeFalse();

        await store.Host.AppendAsync(original, wait: true, TestContext.Current.CancellationToken);
        (await correcting).Select(outcome => outcome.Result).ShouldBe([IntakeResult.Accepted, IntakeResult.Accepted]);
        (await SumAsync(store, "customer", "ann")).ShouldBe(2);
        (await SumAsync(store, "customer", "bob")).ShouldBe(4);
    }

    [Fact]
    public async Task A_correction_of_an_event_whose_batch_is_given_up_is_the_event()
    {
        await using TestStore store = await TestStore.OpenAsync();
        Task<CorrectionOutcome[]> correcting;
        using (IntakeBatch original = await store.Host.BeginBatchAsync(TestContext.Current.CancellationToken))
        {
            Insert(1, 0, "ann", "t1", 1).AddTo(original);
            correcting = store.PushAsync(Upsert(1, 0, "ann", "t1", 2));
        }

        (await correcting)[0].Result.ShouldBe(IntakeResult.Accepted);
        (await SumAsync(store, "customer", "ann")).ShouldBe(2);
        EventRecord.Parse((await store.RecordsAsync())[0]).Previous.ShouldBe(EventVersion.None);
    }

    [Fact]
    public async Task A_correction_that_is_cancelled_while_it_waits_leaves_the_line_to_the_next()
    {
        await using TestStore store = await TestStore.OpenAsync();
        using IntakeBatch original = await store.Host.BeginBatchAsync(TestContext.Current.CancellationToken);
        Insert(1, 0, "ann", "t1", 1).AddTo(original);
        using var patience = new CancellationTokenSource();
        using IntakeBatch impatient = await store.Host.BeginBatchAsync(TestContext.Current.CancellationToken);
        Upsert(1, 0, "ann", "t1", 2).AddTo(impatient).Result.ShouldBe(IntakeResult.Pending);
        Task<bool> waiting = store.Host.AppendAsync(impatient, wait: true, patience.Token).AsTask();
        Task<CorrectionOutcome[]> next = store.PushAsync(Upsert(1, 0, "ann", "t1", 3));

        await patience.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(waiting);
        await store.Host.AppendAsync(original, wait: true, TestContext.Current.CancellationToken);
        (await next)[0].Result.ShouldBe(IntakeResult.Accepted);
        (await SumAsync(store, "customer", "ann")).ShouldBe(3);
    }

    [Fact]
    public async Task An_insert_that_meets_a_correction_of_an_unknown_event_is_acknowledged_only_with_it()
    {
        await using TestStore store = await TestStore.OpenAsync();
        await Task.WhenAll(Enumerable.Range(0, 200).SelectMany(id => (Task[])
        [
            Task.Run(() => store.PushAsync(Upsert(id, 0, "ann", "t1", 1))),
            Task.Run(() => store.PushAsync(Insert(id, 0, "ann", "t1", 5))),
        ]));
        (await SumAsync(store, "customer", "ann")).ShouldBe(200);
        store.Host.Status().Streams[0].Accepted.ShouldBe(200);
    }

    [Fact]
    public async Task A_correction_is_as_late_as_its_event_was()
    {
        await using TestStore store = await TestStore.OpenAsync(TestStore.Fraud(customerLateness: new Duration(3_600_000_000)));
        await store.PushAsync(Insert(1, 0, "ann", "t1", 1), Insert(2, 7_200, "ann", "t1", 1), Insert(3, 0, "ann", "t1", 1));
        CorrectionOutcome[] outcomes = await store.PushAsync(Upsert(1, 0, "ann", "t1", 10), Upsert(3, 0, "ann", "t1", 10));

        outcomes.Select(outcome => outcome.Result).ShouldBe([IntakeResult.Accepted, IntakeResult.Late]);
        outcomes[1].Note.LateViews.Length.ShouldBe(1);
        (await SumAsync(store, "customer", "ann", at: 60)).ShouldBe(10);
        (await SumAsync(store, "terminal", "t1", at: 60)).ShouldBe(20);
    }

    [Fact]
    public async Task A_correction_does_not_hold_stream_time_back()
    {
        await using TestStore store = await TestStore.OpenAsync(TestStore.Fraud(customerLateness: new Duration(3_600_000_000)));
        await store.PushAsync(Insert(1, 0, "ann", "t1", 1), Insert(2, 3_600, "ann", "t1", 1));
        await store.PushAsync(Upsert(1, 0, "ann", "t1", 2) with { Producer = "back office" }, Delete(9) with { Producer = "back office" });
        foreach (int step in (int[])[1, 2])
        {
            (await store.PushAsync(Insert(step + 10, 7_200 * step, "ann", "t1", 1)))[0].Note.StreamTimeMicros.ShouldBe(TestStore.At(7_200 * step).Micros);
            await store.ReopenAsync(store.Host.Catalog);
            store.Host.StreamTimeMicros(store.Host.Catalog.Stream("transactions")!).ShouldBe(TestStore.At(7_200 * step).Micros);
        }
    }

    [Fact]
    public async Task A_correction_is_checked_like_an_insert_and_a_delete_by_its_id_alone()
    {
        await using TestStore store = await TestStore.OpenAsync();
        Value[] noId = new Value[5];
        CorrectionOutcome[] outcomes = await store.PushAsync(Upsert(1, 0, "ann", "t1", double.NaN), new Push(noId, EventOperation.Delete));
        outcomes.ShouldAllBe(outcome => outcome.Result == IntakeResult.Refused);
        outcomes[0].Note.Refusal!.Field.ShouldBe("amount");
        outcomes[1].Note.Refusal!.Field.ShouldBe("tx_id");
    }

    [Theory]
    [InlineData(EventOperation.Upsert)]
    [InlineData(EventOperation.Delete)]
    public async Task A_correction_that_one_of_its_entities_cannot_take_back_is_refused_as_a_whole_and_its_neighbours_go_on(EventOperation operation)
    {
        Catalog catalog = TestStore.Fraud();
        string directory = Directory.CreateTempSubdirectory("orleans-features-").FullName;
        try
        {
            await using EventLog log = EventLog.Open(new LogOptions { Directory = directory, PartitionCount = 8, DeliverCommitted = false }, new FileLogDevice(), TimeProvider.System);
            var intake = new EventIntake(new PartitionMap(8), TimeProvider.System);
            (await AppendAsync(Insert(1, 0, "ann", "t1", 10), Insert(2, 60, "ann", "t1", 10))).ShouldBe([]);
            long before = log.DurableSequence.Value;

            // Terminals have summaries only, up to the first event's time.
            CorrectionOutcome[] outcomes = await AppendAsync(Upsert(1, 5, "bob", "t2", 12) with { Operation = operation }, Upsert(2, 60, "ann", "t1", 11));
            outcomes.Select(outcome => outcome.Result).ShouldBe([IntakeResult.Refused, IntakeResult.Accepted]);
            outcomes[0].Note.Refusal!.Field.ShouldBe("tx_id");
            outcomes[0].Note.Refusal!.Reason.ShouldContain("'terminal' keeps only summaries");
            log.DurableSequence.Value.ShouldBe(before + 2);

            async Task<CorrectionOutcome[]> AppendAsync(params Push[] events)
            {
                using IntakeBatch batch = intake.Begin(catalog, new MemoryStream());
                _ = events.Select(push => push.AddTo(batch)).ToArray();
                (await new BatchAppend(new LocalAppend(log), intake, (entity, _, _, time) => entity.Name != "terminal" || time > TestStore.At(0), batch).RunAsync(wait: false, TestContext.Current.CancellationToken)).ShouldBeTrue();
                return [.. batch.Corrections];
            }
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public async Task What_was_known_before_a_correction_stays_readable()
    {
        await using TestStore store = await TestStore.OpenAsync();
        await store.PushAsync(Insert(1, 0, "ann", "t1", 10) with { Arrival = TestStore.At(100) });
        await store.PushAsync(Upsert(1, 30, "ann", "t1", 12) with { Arrival = TestStore.At(200) });
        await store.PushAsync(Delete(1) with { Arrival = TestStore.At(300) });
        foreach (bool restarted in (bool[])[false, true])
        {
            foreach ((long knownAt, double? sum) in ((long, double?)[])[(99, null), (100, 10), (199, 10), (200, 12), (299, 12), (300, null)])
            {
                FeatureRead read = store.Question("customer", TestStore.At(600), "ann");
                read.KnownAt[0] = TestStore.At(knownAt);
                await store.Host.ReadAsync(read, TestContext.Current.CancellationToken);
                FeatureValue value = read.Values[read.Selection.Features.ToList().FindIndex(feature => feature.Name == "sum")];
                (value.Status == FeatureStatus.Present ? value.Scalar.Double : (double?)null).ShouldBe(sum, $"known at {knownAt}, restarted {restarted}");
            }

            await store.ReopenAsync(store.Host.Catalog);
        }
    }

    [Fact]
    public async Task An_upsert_whose_copies_a_crash_cut_off_is_completed_at_start()
    {
        await using TestStore store = await TestStore.OpenAsync();
        await store.PushAsync(Insert(1, 0, "ann", "t1", 10));
        StreamPlan stream = store.Host.Catalog.Stream("transactions")!;
        Value[] fields = TestStore.Transaction(1, 5, "bob", "t2", 12);
        var writer = new EventRecordWriter();
        writer.WriteBody(stream, stream.Version(0)!, fields, new EventArrival(TestStore.Start, 0, EventOperation.Upsert, new EventVersion(TestStore.At(0).Micros, 0)), default);
        writer.WriteHead(stream.Feeds[0], stream.Version(0)!, fields, primary: true);
        await AppendAsync(store, writer.Key.ToArray(), [.. writer.Head, .. writer.Body]);

        await store.WaitAllAppliedAsync();
        (await SumAsync(store, "customer", "ann")).ShouldBeNull();
        (await SumAsync(store, "customer", "bob")).ShouldBe(12);
        (await SumAsync(store, "terminal", "t1")).ShouldBeNull();
        (await SumAsync(store, "terminal", "t2")).ShouldBe(12);
    }

    [Fact]
    public async Task An_event_that_the_first_release_wrote_is_corrected_like_any_other()
    {
        await using TestStore store = await TestStore.OpenAsync(TestStore.Fraud(terminals: false, customerLateness: new Duration(0)));
        StreamPlan stream = store.Host.Catalog.Stream("transactions")!;
        Value[] fields = TestStore.Transaction(1, 0, "ann", "t1", 10);
        var writer = new EventRecordWriter();
        writer.WriteBody(stream, stream.Version(0)!, fields, EventArrival.Insert(TestStore.Start), default);
        writer.WriteHead(stream.Feeds[0], stream.Version(0)!, fields, primary: true);

        // Format 1 is format 2 without the stream time behind event time and arrival.
        await AppendAsync(store, writer.Key.ToArray(), [1, .. writer.Head[1..], .. writer.Body[..16], .. writer.Body[24..]]);
        (await SumAsync(store, "customer", "ann")).ShouldBe(10);
        (await ResultAsync(store, Insert(1, 0, "ann", "t1", 10))).ShouldBe(IntakeResult.Duplicate);
        (await ResultAsync(store, Upsert(1, 0, "ann", "t1", 10))).ShouldBe(IntakeResult.Duplicate);
        (await ResultAsync(store, Upsert(1, 0, "bob", "t1", 11))).ShouldBe(IntakeResult.Accepted);
        (await SumAsync(store, "customer", "ann")).ShouldBeNull();
        (await SumAsync(store, "customer", "bob")).ShouldBe(11);
    }

    internal static Push Insert(long id, long seconds, string customer, string terminal, double amount) => new(TestStore.Transaction(id, seconds, customer, terminal, amount));

    internal static Push Upsert(long id, long seconds, string customer, string terminal, double amount) =>
        new(TestStore.Transaction(id, seconds, customer, terminal, amount), EventOperation.Upsert);

    internal static Push Delete(long id) => new([Value.Of(id), Value.Null, Value.Null, Value.Null, Value.Null], EventOperation.Delete);

    private static async Task<IntakeResult> ResultAsync(TestStore store, Push push) => (await store.PushAsync(push))[0].Result;

    /// <summary>Appends one record to the log of a store that is stopped and started again for it.</summary>
    private static async Task AppendAsync(TestStore store, byte[] customer, byte[] record)
    {
        PartitionId home = store.Host.Partitions.Of(store.Host.Catalog.Entity("customer")!, customer);
        Catalog catalog = store.Host.Catalog;
        await store.CloseAsync();
        await using (var log = EventLog.Open(new LogOptions { Directory = store.LogDirectory, PartitionCount = 8, DeliverCommitted = false }, new FileLogDevice(), TimeProvider.System))
        {
            using var batch = new AppendBatch();
            batch.Add(home, record);
            await log.AppendAsync(batch, TestContext.Current.CancellationToken);
        }

        await store.ReopenAsync(catalog);
    }

    /// <summary>The sum of the hour, the same live and from history; null where there is none.</summary>
    private static async Task<double?> SumAsync(TestStore store, string entity, string key, long at = 600)
    {
        FeatureValue live = (await store.ReadAsync(entity, key, TestStore.At(at)))["sum"];
        (await store.ReadAsync(entity, key, TestStore.At(at), history: true))["sum"].ShouldBe(live);
        return live.Status == FeatureStatus.Present ? live.Scalar.Double : null;
    }
}
