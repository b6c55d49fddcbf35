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
    public async Task An_event_reaches_every_entity_that_it_concerns()
    {
        await using TestStore store = await TestStore.OpenAsync();
        (await store.PushAsync(TestStore.Transaction(1, 0, "ann", "t1", 10), TestStore.Transaction(2, 5, "bob", "t1", 20)))
            .ShouldBe([IntakeResult.Accepted, IntakeResult.Accepted]);

        (await store.ReadAsync("customer", "ann", TestStore.At(5)))["sum"].Scalar.ShouldBe(Value.Of(10.0));
        (await store.ReadAsync("terminal", "t1", TestStore.At(5)))["sum"].Scalar.ShouldBe(Value.Of(30.0));
        (await store.ReadAsync("terminal", "t1", TestStore.At(4)))["count"].Scalar.ShouldBe(Value.Of(1L));
    }

    [Fact]
    public async Task A_duplicate_changes_nothing_whatever_it_says()
    {
        await using TestStore store = await TestStore.OpenAsync();
        (await store.PushAsync(TestStore.Transaction(1, 0, "ann", "t1", 10), TestStore.Transaction(1, 0, "ann", "t1", 10)))
            .ShouldBe([IntakeResult.Accepted, IntakeResult.Duplicate]);
        (await store.PushAsync(TestStore.Transaction(1, 0, "ann", "t1", 10))).ShouldBe([IntakeResult.Duplicate]);
        (await store.PushAsync(TestStore.Transaction(1, 9, "bob", "t2", 99))).ShouldBe([IntakeResult.Duplicate]);

        (await store.ReadAsync("customer", "ann", TestStore.At(10)))["count"].Scalar.ShouldBe(Value.Of(1L));
        (await store.ReadAsync("customer", "bob", TestStore.At(10)))["count"].Scalar.ShouldBe(Value.Of(0L));
    }

    [Fact]
    public async Task A_duplicate_is_not_acknowledged_before_its_original_is_durable()
    {
        await using TestStore store = await TestStore.OpenAsync();
        using IntakeBatch original = await store.Host.BeginBatchAsync(TestContext.Current.CancellationToken);
        using IntakeBatch copy = await store.Host.BeginBatchAsync(TestContext.Current.CancellationToken);
        StreamPlan stream = original.Catalog.Stream("transactions")!;
        Value[] fields = TestStore.Transaction(1, 0, "ann", "t1", 10);
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
        Value[] fields = TestStore.Transaction(1, 0, "ann", "t1", 10);
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
        Value[] fields = TestStore.Transaction(1, 0, "ann", "t1", 10);
        using (IntakeBatch original = await store.Host.BeginBatchAsync(TestContext.Current.CancellationToken))
        {
            original.Add(stream, stream.Version(0)!, fields, default, out _).ShouldBe(IntakeResult.Accepted);
            copy.Add(stream, stream.Version(0)!, fields, default, out _).ShouldBe(IntakeResult.Duplicate);
        }

        await Should.ThrowAsync<OriginalNotDurableException>(async () => await store.Host.AppendAsync(copy, wait: true, TestContext.Current.CancellationToken));
        (await store.PushAsync(fields)).ShouldBe([IntakeResult.Accepted]);
    }

    [Fact]
    public async Task A_read_of_definitions_that_have_changed_meanwhile_is_refused_rather_than_misread()
    {
        await using TestStore store = await TestStore.OpenAsync();
        await store.PushAsync(TestStore.Transaction(1, 0, "ann", "t1", 10), TestStore.Transaction(2, 0, "ann", "t1", 10));
        FeatureRead read = store.Question("terminal", TestStore.At(0), "t1");
        DefinitionSet definitions = store.Host.Catalog.Definitions;
        FeatureViewDefinition terminal = definitions.FeatureViews[1];
        FeatureDefinition other = terminal.Features[0] with { Name = "small", Where = "amount < 5.0" };
        Catalog next = Catalog.Compile(definitions with { FeatureViews = [definitions.FeatureViews[0], terminal with { Where = null, Features = [other, .. terminal.Features] }] }, out _)!;

        await store.Host.ChangeCatalogAsync(next, () => { }, TestContext.Current.CancellationToken);

        // The old plan's filter bit means another filter in the new state: read with it, the terminal would have no events.
        await Should.ThrowAsync<DefinitionsChangedException>(async () => await store.Host.ReadAsync(read, TestContext.Current.CancellationToken));
        await Should.ThrowAsync<DefinitionsChangedException>(async () => await store.Host.ReadHistoryAsync(read, null, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_record_that_cannot_be_read_silences_its_entity_and_no_other()
    {
        await using TestStore store = await TestStore.OpenAsync();
        StreamPlan stream = store.Host.Catalog.Stream("transactions")!;
        PartitionId home = store.Host.Partitions.Of(store.Host.Catalog.Entity("customer")!, KeyOf("ann"));
        await store.PushAsync(TestStore.Transaction(1, 0, "bob", "t1", 1));
        await store.CloseAsync();
        await AppendPrimaryAloneAsync(store, stream, home, TestStore.Transaction(2, 1, "ann", "t1", 5), cutBytes: 3);

        await store.ReopenAsync(TestStore.Fraud(terminals: false));

        (await store.PushAsync(TestStore.Transaction(3, 1, "bob", "t1", 1))).ShouldBe([IntakeResult.Accepted]);
        (await store.ReadAsync("customer", "bob", TestStore.At(1)))["count"].Scalar.ShouldBe(Value.Of(2L));
        await Should.ThrowAsync<InvariantException>(() => store.ReadAsync("customer", "ann", TestStore.At(1)));
    }

    [Fact]
    public async Task A_producer_long_silent_does_not_hold_stream_time_back_after_a_restart()
    {
        await using TestStore store = await TestStore.OpenAsync(TestStore.Fraud(terminals: false));
        StreamPlan stream = store.Host.Catalog.Stream("transactions")!;
        PartitionId home = store.Host.Partitions.Of(store.Host.Catalog.Entity("customer")!, KeyOf("ann"));
        await store.CloseAsync();
        await AppendPrimaryAloneAsync(store, stream, home, TestStore.Transaction(1, 0, "ann", "t1", 5), producer: "gone in 2020");
        await store.ReopenAsync(TestStore.Fraud(terminals: false));
        await store.PushAsync(TestStore.Transaction(2, 500, "ann", "t1", 5));

        await store.ReopenAsync(TestStore.Fraud(terminals: false));

        store.Host.StreamTimeMicros(store.Host.Catalog.Stream("transactions")!).ShouldBe(TestStore.At(500).Micros);
    }

    [Fact]
    public async Task A_refused_event_leaves_its_neighbours_alone()
    {
        await using TestStore store = await TestStore.OpenAsync();
        Value[] bad = TestStore.Transaction(2, 0, "ann", "t1", double.NaN);
        (await store.PushAsync(TestStore.Transaction(1, 0, "ann", "t1", 10), bad, TestStore.Transaction(3, 0, "ann", "t1", 5)))
            .ShouldBe([IntakeResult.Accepted, IntakeResult.Refused, IntakeResult.Accepted]);
        (await store.ReadAsync("customer", "ann", TestStore.At(0)))["sum"].Scalar.ShouldBe(Value.Of(15.0));
        bad[4] = Value.Of(1.0);
        (await store.PushAsync(bad)).ShouldBe([IntakeResult.Accepted]);
    }

    [Fact]
    public async Task Everything_is_the_same_after_a_restart()
    {
        await using TestStore store = await TestStore.OpenAsync();
        await PushManyAsync(store, seed: 4, count: 3_000);
        var before = await SnapshotAsync(store);
        long? streamTime = store.Host.StreamTimeMicros(store.Host.Catalog.Stream("transactions")!);

        await store.ReopenAsync(TestStore.Fraud());

        (await SnapshotAsync(store)).ShouldBe(before);
        store.Host.StreamTimeMicros(store.Host.Catalog.Stream("transactions")!).ShouldBe(streamTime);
        (await store.PushAsync(TestStore.Transaction(7, 0, "c1", "t1", 1))).ShouldBe([IntakeResult.Duplicate]);
    }

    [Fact]
    public async Task A_new_entity_type_and_a_wider_window_know_all_of_history()
    {
        await using TestStore store = await TestStore.OpenAsync(TestStore.Fraud(terminals: false, window: "1m"));
        await PushManyAsync(store, seed: 5, count: 2_000);
        await store.Host.ChangeCatalogAsync(TestStore.Fraud(), () => { }, TestContext.Current.CancellationToken);
        var changed = await SnapshotAsync(store);

        await using TestStore fresh = await TestStore.OpenAsync();
        await PushManyAsync(fresh, seed: 5, count: 2_000);

        changed.ShouldBe(await SnapshotAsync(fresh));
        await store.ReopenAsync(TestStore.Fraud());
        (await SnapshotAsync(store)).ShouldBe(changed);
    }

    [Fact]
    public async Task A_change_of_definitions_that_cannot_be_recorded_leaves_the_old_ones_live()
    {
        await using TestStore store = await TestStore.OpenAsync(TestStore.Fraud(terminals: false));
        await store.PushAsync(TestStore.Transaction(1, 0, "ann", "t1", 10));
        await Should.ThrowAsync<IOException>(async () => await store.Host.ChangeCatalogAsync(TestStore.Fraud(), () => throw new IOException("the registry is full"), TestContext.Current.CancellationToken));
        store.Host.Catalog.Entity("terminal").ShouldBeNull();
        (await store.PushAsync(TestStore.Transaction(2, 0, "ann", "t1", 10))).ShouldBe([IntakeResult.Accepted]);
    }

    [Fact]
    public async Task An_event_without_any_view_is_kept_for_views_to_come()
    {
        Catalog bare = Catalog.Compile(TestStore.Fraud().Definitions with { FeatureViews = [] }, out _)!;
        await using TestStore store = await TestStore.OpenAsync(bare);
        await store.PushAsync(TestStore.Transaction(1, 0, "ann", "t1", 10));
        await store.Host.ChangeCatalogAsync(TestStore.Fraud(), () => { }, TestContext.Current.CancellationToken);
        (await store.ReadAsync("customer", "ann", TestStore.At(0)))["sum"].Scalar.ShouldBe(Value.Of(10.0));
    }

    [Fact]
    public async Task History_answers_what_live_state_has_forgotten()
    {
        await using TestStore store = await TestStore.OpenAsync();
        const int Days = 6;
        for (int batch = 0; batch < Days; batch++)
        {
            // A hundred events a day: whole chunks grow old and leave, because retention is the window and a day.
            await store.PushAsync([.. Enumerable.Range(0, 100).Select(index => TestStore.Transaction((batch * 100) + index, (batch * 86_400) + index, "ann", "t1", 1))]);
        }

        EventTime past = TestStore.At(99);
        (await store.ReadAsync("customer", "ann", past))["count"].Status.ShouldBe(FeatureStatus.OutsideRetention);
        (await store.ReadAsync("customer", "ann", past, history: true))["count"].Scalar.ShouldBe(Value.Of(100L));
        (await store.ReadAsync("customer", "ann", TestStore.At(-1), history: true))["count"].Scalar.ShouldBe(Value.Of(0L));
        EventTime now = TestStore.At(((Days - 1) * 86_400) + 99);
        (await store.ReadAsync("customer", "ann", now, history: true)).ShouldBe(await store.ReadAsync("customer", "ann", now));
    }

    [Fact]
    public async Task A_late_event_is_kept_in_history_and_said_to_be_late()
    {
        await using TestStore store = await TestStore.OpenAsync();
        await store.PushAsync(TestStore.Transaction(1, 10 * 86_400, "ann", "t1", 1));
        (await store.PushAsync(TestStore.Transaction(2, 0, "bob", "t1", 1))).ShouldBe([IntakeResult.Late]);
        (await store.ReadAsync("customer", "bob", TestStore.At(0), history: true))["count"].Scalar.ShouldBe(Value.Of(1L));
        store.Host.Status().Streams[0].Late.ShouldBe(1);
    }

    [Fact]
    public async Task An_event_whose_copies_a_crash_cut_off_is_completed_at_start()
    {
        await using TestStore store = await TestStore.OpenAsync();
        await store.PushAsync(TestStore.Transaction(1, 0, "ann", "t1", 1));
        StreamPlan stream = store.Host.Catalog.Stream("transactions")!;
        PartitionId home = store.Host.Partitions.Of(store.Host.Catalog.Entity("customer")!, KeyOf("ann"));
        await store.CloseAsync();
        await AppendPrimaryAloneAsync(store, stream, home, TestStore.Transaction(2, 1, "ann", "t1", 5));

        await store.ReopenAsync(TestStore.Fraud());
        foreach (PartitionState partition in store.Host.Status().Partitions)
        {
            await store.Host.WaitAppliedAsync(new PartitionOffset(new PartitionId(partition.Partition), new LogOffset(partition.DurableOffset)), TestContext.Current.CancellationToken);
        }

        (await store.ReadAsync("customer", "ann", TestStore.At(1)))["sum"].Scalar.ShouldBe(Value.Of(6.0));
        (await store.ReadAsync("terminal", "t1", TestStore.At(1)))["sum"].Scalar.ShouldBe(Value.Of(6.0));
    }

    [Fact]
    public async Task An_entity_never_seen_answers_as_an_empty_window()
    {
        await using TestStore store = await TestStore.OpenAsync();
        var values = await store.ReadAsync("customer", "nobody", TestStore.At(0));
        values["count"].ShouldBe(FeatureValue.Of(Value.Of(0L)));
        values["sum"].ShouldBe(FeatureValue.NotFound);
        FeatureRead read = store.Question("customer", TestStore.At(0), "nobody");
        await store.Host.ReadAsync(read, TestContext.Current.CancellationToken);
        read.Stamps[0].ShouldBe(default);
    }

    [Fact]
    public async Task A_read_waits_for_its_token_and_no_longer()
    {
        await using TestStore store = await TestStore.OpenAsync();
        using var patience = new CancellationTokenSource();
        Task waiting = store.Host.WaitAppliedAsync(new PartitionOffset(new PartitionId(3), new LogOffset(0)), patience.Token).AsTask();
        waiting.IsCompleted.ShouldBeFalse();
        await patience.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(waiting);
    }

    [Fact]
    public async Task State_versions_grow_and_survive_a_restart()
    {
        await using TestStore store = await TestStore.OpenAsync();
        var versions = new List<EntityStamp>();
        for (int id = 1; id <= 3; id++)
        {
            await store.PushAsync(TestStore.Transaction(id, id, "ann", "t1", 1));
            FeatureRead read = store.Question("customer", TestStore.At(10), "ann");
            await store.Host.ReadAsync(read, TestContext.Current.CancellationToken);
            versions.Add(read.Stamps[0]);
        }

        versions.Select(stamp => stamp.StateVersion).ShouldBeInOrder(SortDirection.Ascending);
        versions.Select(stamp => stamp.LastEventTimeMicros).ShouldBe([TestStore.At(1).Micros, TestStore.At(2).Micros, TestStore.At(3).Micros]);
        await store.ReopenAsync(TestStore.Fraud());
        FeatureRead after = store.Question("customer", TestStore.At(10), "ann");
        await store.Host.ReadAsync(after, TestContext.Current.CancellationToken);
        after.Stamps[0].ShouldBe(versions[^1]);
    }

    [Fact]
    public async Task Many_connections_pushing_the_same_events_count_each_once()
    {
        await using TestStore store = await TestStore.OpenAsync();
        await Task.WhenAll(Enumerable.Range(0, 6).Select(connection => Task.Run(() => PushManyAsync(store, seed: 8, count: 1_500))));
        await using TestStore single = await TestStore.OpenAsync();
        await PushManyAsync(single, seed: 8, count: 1_500);
        (await SnapshotAsync(store)).ShouldBe(await SnapshotAsync(single));
        store.Host.Status().Streams[0].Accepted.ShouldBe(1_500);
    }

    private static byte[] KeyOf(string text)
    {
        byte[] key = new byte[EntityKeyEncoding.BytesMax];
        return key[..EntityKeyEncoding.Append(key, Value.Of(text))];
    }

    /// <summary>What a crash in the middle of an event's copies leaves behind. Cut short, what a bug of ours might.</summary>
    private static async Task AppendPrimaryAloneAsync(TestStore store, StreamPlan stream, PartitionId home, Value[] fields, string producer = "till", int cutBytes = 0)
    {
        var writer = new EventRecordWriter();
        writer.WriteBody(stream, stream.Version(0)!, fields, EventArrival.Insert(TestStore.Start), System.Text.Encoding.UTF8.GetBytes(producer));
        writer.WriteHead(stream.Feeds[0], stream.Version(0)!, fields, primary: true);
        await using var log = EventLog.Open(new LogOptions { Directory = store.LogDirectory, PartitionCount = 8, DeliverCommitted = false }, new FileLogDevice(), TimeProvider.System);
        using var batch = new AppendBatch();
        batch.Add(home, [.. writer.Head, .. writer.Body[..^cutBytes]]);
        await log.AppendAsync(batch, TestContext.Current.CancellationToken);
    }

    private static async Task PushManyAsync(TestStore store, int seed, int count)
    {
        var random = new Random(seed);
        Value[][] events = [.. Enumerable.Range(0, count).Select(id =>
            TestStore.Transaction(id, random.Next(3_600), $"c{random.Next(40)}", $"t{random.Next(20)}", random.Next(1, 500) / 4.0))];
        foreach (Value[][] batch in events.Chunk(97))
        {
            await store.PushAsync(batch);
        }
    }

    /// <summary>All values of all entities at two instants, as text.</summary>
    private static async Task<string[]> SnapshotAsync(TestStore store)
    {
        var lines = new List<string>();
        foreach ((string entity, string prefix, int count) in (IEnumerable<(string, string, int)>)[("customer", "c", 40), ("terminal", "t", 20)])
        {
            foreach (long seconds in (long[])[1_800, 3_600])
            {
                FeatureRead read = store.Question(entity, TestStore.At(seconds), [.. Enumerable.Range(0, count).Select(index => $"{prefix}{index}")]);
                await store.Host.ReadAsync(read, TestContext.Current.CancellationToken);
                lines.AddRange(read.Values.Select((value, index) => $"{entity} {index} {seconds}: {value.Status} {value.Scalar} {string.Join("|", value.List ?? [])}"));
            }
        }

        return [.. lines];
    }
}
