using OrleansFeatures.Domain;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.Tests.Embedded;

public sealed class EmbeddedHostTests
{
    [Fact]
    public async Task A_duplicate_is_not_acknowledged_before_its_original_is_durable()
    {
        await using TestStore store = await TestStore.OpenAsync();
        using IntakeBatch original = await store.Host.BeginBatchAsync(TestContext.Current.CancellationToken);
        using IntakeBatch copy = await store.Host.BeginBatchAsync(TestContext.Current.CancellationToken);
        StreamPlan stream = original.Catalog.Stream("transactions")!;
        Value[] fields = Transactions.Of(1, 0, "ann", "t1", 10);
        original.Add(stream, stream.Version(0)!, fields, default, out _).ShouldBe(IntakeResult.Accepted);
        copy.Add(stream, stream.Version(0)!, fields, default, out _).ShouldBe(IntakeResult.Duplicate);

        Task<bool> acknowledged = store.Host.AppendAsync(copy, wait: true, TestContext.Current.CancellationToken).AsTask();
        acknowledged.IsCompleted.ShouldBeFalse();
        await store.Host.AppendAsync(original, wait: true, TestContext.Current.CancellationToken);
        (await acknowledged).ShouldBeTrue();
    }

    [Fact]
    public async Task A_batch_given_up_frees_its_ids_and_fails_the_duplicates_that_relied_on_it()
    {
        await using TestStore store = await TestStore.OpenAsync();
        using IntakeBatch copy = await store.Host.BeginBatchAsync(TestContext.Current.CancellationToken);
        StreamPlan stream = copy.Catalog.Stream("transactions")!;
        Value[] fields = Transactions.Of(1, 0, "ann", "t1", 10);
        Task<bool> acknowledged;
        using (IntakeBatch original = await store.Host.BeginBatchAsync(TestContext.Current.CancellationToken))
        {
            original.Add(stream, stream.Version(0)!, fields, default, out _).ShouldBe(IntakeResult.Accepted);
            copy.Add(stream, stream.Version(0)!, fields, default, out _).ShouldBe(IntakeResult.Duplicate);
            acknowledged = store.Host.AppendAsync(copy, wait: true, TestContext.Current.CancellationToken).AsTask();
        }

        await Should.ThrowAsync<OriginalNotDurableException>(acknowledged);
        (await store.PushAsync(fields)).ShouldBe([IntakeResult.Accepted]);
    }

    [Fact]
    public async Task A_duplicate_of_a_batch_that_was_given_up_before_the_duplicate_was_appended_is_not_acknowledged()
    {
        await using TestStore store = await TestStore.OpenAsync();
        using IntakeBatch copy = await store.Host.BeginBatchAsync(TestContext.Current.CancellationToken);
        StreamPlan stream = copy.Catalog.Stream("transactions")!;
        Value[] fields = Transactions.Of(1, 0, "ann", "t1", 10);
        using (IntakeBatch original = await store.Host.BeginBatchAsync(TestContext.Current.CancellationToken))
        {
            original.Add(stream, stream.Version(0)!, fields, default, out _).ShouldBe(IntakeResult.Accepted);
            copy.Add(stream, stream.Version(0)!, fields, default, out _).ShouldBe(IntakeResult.Duplicate);
        }

        await Should.ThrowAsync<OriginalNotDurableException>(async () => await store.Host.AppendAsync(copy, wait: true, TestContext.Current.CancellationToken));
        (await store.PushAsync(fields)).ShouldBe([IntakeResult.Accepted]);
    }

    [Fact]
    public async Task A_record_that_cannot_be_read_silences_its_entity_and_no_other()
    {
        await using TestStore store = await TestStore.OpenAsync();
        StreamPlan stream = store.Host.Catalog.Stream("transactions")!;
        PartitionId home = store.Host.Partitions.Of(store.Host.Catalog.Entity("customer")!, HostCalls.KeyOf("ann"));
        await store.PushAsync(Transactions.Of(1, 0, "bob", "t1", 1));
        await store.CloseAsync();
        await AppendPrimaryAloneAsync(store, stream, home, Transactions.Of(2, 1, "ann", "t1", 5), cutBytes: 3);

        await store.ReopenAsync(Transactions.Catalog(terminals: false));

        (await store.PushAsync(Transactions.Of(3, 1, "bob", "t1", 1))).ShouldBe([IntakeResult.Accepted]);
        (await store.ReadAsync("customer", "bob", Transactions.At(1)))["count"].Scalar.ShouldBe(Value.Of(2L));
        await Should.ThrowAsync<InvariantException>(() => store.ReadAsync("customer", "ann", Transactions.At(1)));
    }

    [Fact]
    public async Task A_producer_long_silent_does_not_hold_stream_time_back_after_a_restart()
    {
        await using TestStore store = await TestStore.OpenAsync(Transactions.Catalog(terminals: false));
        StreamPlan stream = store.Host.Catalog.Stream("transactions")!;
        PartitionId home = store.Host.Partitions.Of(store.Host.Catalog.Entity("customer")!, HostCalls.KeyOf("ann"));
        await store.CloseAsync();
        await AppendPrimaryAloneAsync(store, stream, home, Transactions.Of(1, 0, "ann", "t1", 5), producer: "gone in 2020");
        await store.ReopenAsync(Transactions.Catalog(terminals: false));
        await store.PushAsync(Transactions.Of(2, 500, "ann", "t1", 5));

        await store.ReopenAsync(Transactions.Catalog(terminals: false));

        store.Host.StreamTimeMicros(store.Host.Catalog.Stream("transactions")!).ShouldBe(Transactions.At(500).Micros);
    }

    [Fact]
    public async Task An_event_whose_copies_a_crash_cut_off_is_completed_at_start()
    {
        await using TestStore store = await TestStore.OpenAsync();
        await store.PushAsync(Transactions.Of(1, 0, "ann", "t1", 1));
        StreamPlan stream = store.Host.Catalog.Stream("transactions")!;
        PartitionId home = store.Host.Partitions.Of(store.Host.Catalog.Entity("customer")!, HostCalls.KeyOf("ann"));
        await store.CloseAsync();
        await AppendPrimaryAloneAsync(store, stream, home, Transactions.Of(2, 1, "ann", "t1", 5));

        await store.ReopenAsync(Transactions.Catalog());
        foreach (PartitionState partition in store.Host.Status().Partitions)
        {
            await store.Host.WaitAppliedAsync(new PartitionOffset(new PartitionId(partition.Partition), new LogOffset(partition.DurableOffset)), TestContext.Current.CancellationToken);
        }

        (await store.ReadAsync("customer", "ann", Transactions.At(1)))["sum"].Scalar.ShouldBe(Value.Of(6.0));
        (await store.ReadAsync("terminal", "t1", Transactions.At(1)))["sum"].Scalar.ShouldBe(Value.Of(6.0));
    }

    /// <summary>What a crash in the middle of an event's copies leaves behind. Cut short, what a bug of ours might.</summary>
    private static async Task AppendPrimaryAloneAsync(TestStore store, StreamPlan stream, PartitionId home, Value[] fields, string producer = "till", int cutBytes = 0)
    {
        var writer = new EventRecordWriter();
        writer.WriteBody(stream, stream.Version(0)!, fields, EventArrival.Insert(Transactions.Start), System.Text.Encoding.UTF8.GetBytes(producer));
        writer.WriteHead(stream.Feeds[0], stream.Version(0)!, fields, primary: true);
        await using var log = EventLog.Open(new LogOptions { Directory = store.LogDirectory, PartitionCount = 8, DeliverCommitted = false }, new FileLogDevice(), TimeProvider.System);
        using var batch = new AppendBatch();
        batch.Add(home, [.. writer.Head, .. writer.Body[..^cutBytes]]);
        await log.AppendAsync(batch, TestContext.Current.CancellationToken);
    }
}
