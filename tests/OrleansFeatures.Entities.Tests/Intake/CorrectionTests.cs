using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Entities.Embedded;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.Tests.Intake;

/// <summary>Corrections that wait for batches of the same process, meet summaries, crashes and old records. What they come to on any host: <see cref="CorrectionConformance{TStores}"/>.</summary>
public sealed class CorrectionTests
{
    [Fact]
    public async Task A_correction_waits_for_the_batch_that_inserts_its_event_and_then_replaces_it()
    {
        await using TestStore store = await TestStore.OpenAsync();
        using IntakeBatch original = await store.Host.BeginBatchAsync(TestContext.Current.CancellationToken);
        Transactions.Insert(1, 0, "ann", "t1", 1).AddTo(original).Result.ShouldBe(IntakeResult.Accepted);
        Task<CorrectionOutcome[]> correcting = store.PushAsync(Transactions.Upsert(1, 0, "ann", "t1", 2), Transactions.Upsert(2, 0, "bob", "t2", 4));
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
            Transactions.Insert(1, 0, "ann", "t1", 1).AddTo(original);
            correcting = store.PushAsync(Transactions.Upsert(1, 0, "ann", "t1", 2));
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
        Transactions.Insert(1, 0, "ann", "t1", 1).AddTo(original);
        using var patience = new CancellationTokenSource();
        using IntakeBatch impatient = await store.Host.BeginBatchAsync(TestContext.Current.CancellationToken);
        Transactions.Upsert(1, 0, "ann", "t1", 2).AddTo(impatient).Result.ShouldBe(IntakeResult.Pending);
        Task<bool> waiting = store.Host.AppendAsync(impatient, wait: true, patience.Token).AsTask();
        Task<CorrectionOutcome[]> next = store.PushAsync(Transactions.Upsert(1, 0, "ann", "t1", 3));

        await patience.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(waiting);
        await store.Host.AppendAsync(original, wait: true, TestContext.Current.CancellationToken);
        (await next)[0].Result.ShouldBe(IntakeResult.Accepted);
        (await SumAsync(store, "customer", "ann")).ShouldBe(3);
    }

    [Theory]
    [InlineData(EventOperation.Upsert)]
    [InlineData(EventOperation.Delete)]
    public async Task A_correction_that_one_of_its_entities_cannot_take_back_is_refused_as_a_whole_and_its_neighbours_go_on(EventOperation operation)
    {
        Catalog catalog = Transactions.Catalog();
        string directory = Directory.CreateTempSubdirectory("orleans-features-").FullName;
        try
        {
            await using EventLog log = EventLog.Open(new LogOptions { Directory = directory, PartitionCount = 8, DeliverCommitted = false }, new FileLogDevice(), TimeProvider.System);
            var intake = new EventIntake(new PartitionMap(8), TimeProvider.System);
            (await AppendAsync(Transactions.Insert(1, 0, "ann", "t1", 10), Transactions.Insert(2, 60, "ann", "t1", 10))).ShouldBe([]);
            long before = log.DurableSequence.Value;

            // Terminals have summaries only, up to the first event's time.
            CorrectionOutcome[] outcomes = await AppendAsync(Transactions.Upsert(1, 5, "bob", "t2", 12) with { Operation = operation }, Transactions.Upsert(2, 60, "ann", "t1", 11));
            outcomes.Select(outcome => outcome.Result).ShouldBe([IntakeResult.Refused, IntakeResult.Accepted]);
            outcomes[0].Note.Refusal!.Field.ShouldBe("tx_id");
            outcomes[0].Note.Refusal!.Reason.ShouldContain("'terminal' keeps only summaries");
            log.DurableSequence.Value.ShouldBe(before + 2);

            async Task<CorrectionOutcome[]> AppendAsync(params Push[] events)
            {
                using IntakeBatch batch = intake.Begin(catalog, new MemoryStream());
                _ = events.Select(push => push.AddTo(batch)).ToArray();
                (await new BatchAppend(new LocalAppend(log), intake, (entity, _, _, time) => entity.Name != "terminal" || time > Transactions.At(0), batch).RunAsync(wait: false, TestContext.Current.CancellationToken)).ShouldBeTrue();
                return [.. batch.Corrections];
            }
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public async Task An_upsert_whose_copies_a_crash_cut_off_is_completed_at_start()
    {
        await using TestStore store = await TestStore.OpenAsync();
        await store.PushAsync(Transactions.Insert(1, 0, "ann", "t1", 10));
        StreamPlan stream = store.Host.Catalog.Stream("transactions")!;
        Value[] fields = Transactions.Of(1, 5, "bob", "t2", 12);
        var writer = new EventRecordWriter();
        writer.WriteBody(stream, stream.Version(0)!, fields, new EventArrival(Transactions.Start, 0, EventOperation.Upsert, new EventVersion(Transactions.At(0).Micros, 0)), default);
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
        await using TestStore store = await TestStore.OpenAsync(Transactions.Catalog(terminals: false, customerLateness: new Duration(0)));
        StreamPlan stream = store.Host.Catalog.Stream("transactions")!;
        Value[] fields = Transactions.Of(1, 0, "ann", "t1", 10);
        var writer = new EventRecordWriter();
        writer.WriteBody(stream, stream.Version(0)!, fields, EventArrival.Insert(Transactions.Start), default);
        writer.WriteHead(stream.Feeds[0], stream.Version(0)!, fields, primary: true);

        // Format 1 is format 2 without the stream time behind event time and arrival.
        await AppendAsync(store, writer.Key.ToArray(), [1, .. writer.Head[1..], .. writer.Body[..16], .. writer.Body[24..]]);
        (await SumAsync(store, "customer", "ann")).ShouldBe(10);
        (await ResultAsync(store, Transactions.Insert(1, 0, "ann", "t1", 10))).ShouldBe(IntakeResult.Duplicate);
        (await ResultAsync(store, Transactions.Upsert(1, 0, "ann", "t1", 10))).ShouldBe(IntakeResult.Duplicate);
        (await ResultAsync(store, Transactions.Upsert(1, 0, "bob", "t1", 11))).ShouldBe(IntakeResult.Accepted);
        (await SumAsync(store, "customer", "ann")).ShouldBeNull();
        (await SumAsync(store, "customer", "bob")).ShouldBe(11);
    }

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
        FeatureValue live = (await store.ReadAsync(entity, key, Transactions.At(at)))["sum"];
        (await store.ReadAsync(entity, key, Transactions.At(at), history: true))["sum"].ShouldBe(live);
        return live.Status == FeatureStatus.Present ? live.Scalar.Double : null;
    }
}
