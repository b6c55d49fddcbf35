using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Entities.Embedded;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.Tests.Checkpoints;

/// <summary>What is saved comes back as the same: after sleep, after a restart, in another generation, and when files have been put together.</summary>
public sealed class CheckpointTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>The same events, with duplicates and corrections, into a store that never saves anything, and into one that saves, sleeps and restarts at random.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task A_store_that_saves_sleeps_and_restarts_answers_as_one_that_never_does(int seed)
    {
        await using TestStore plain = await TestStore.OpenAsync(configure: options => options with { CheckpointOnClose = false, CheckpointInterval = TimeSpan.FromDays(1) });
        await using TestStore saving = await TestStore.OpenAsync(configure: options => options with { CheckpointOnClose = seed % 2 == 0, CheckpointInterval = TimeSpan.FromDays(1) });
        var random = new Random(seed);
        for (int turn = 0; turn < 60; turn++)
        {
            Push[] events = [.. Enumerable.Range(0, random.Next(1, 40)).Select(_ => Any(random, turn))];
            (await saving.PushAsync(events)).Select(outcome => outcome.Result).ShouldBe((await plain.PushAsync(events)).Select(outcome => outcome.Result), $"seed {seed}, turn {turn}");
            switch (random.Next(6))
            {
                case 0 or 1:
                    await saving.Host.CheckpointAsync(Cancel);
                    break;
                case 2:
                    saving.SleepAll();
                    break;
                case 3:
                    await saving.ReopenAsync(saving.Host.Catalog);
                    break;
                default:
                    break;
            }

            await ShouldBeSameAsync(saving, plain, turn, $"seed {seed}, turn {turn}");
        }
    }

    [Fact]
    public async Task A_restart_replays_only_what_came_since_the_checkpoint()
    {
        await using TestStore store = await TestStore.OpenAsync(configure: options => options with { CheckpointOnClose = false });
        await PushManyAsync(store, 0, 500);
        await store.Host.CheckpointAsync(Cancel);
        await PushManyAsync(store, 500, 20);
        long through = store.Host.Status().Checkpoints.Through;
        through.ShouldBe(999);
        await store.ReopenAsync(store.Host.Catalog);

        HostStatus status = store.Host.Status();
        status.Checkpoints.Through.ShouldBe(through);
        status.Partitions.Sum(partition => partition.Entities).ShouldBe(20);

        // Those of the last twenty events have been woken to take them; nobody else was.
        status.Partitions.Sum(partition => partition.Awake).ShouldBeLessThanOrEqualTo(20);
        status.Streams[0].Accepted.ShouldBe(520);
        (await store.PushAsync([.. Enumerable.Range(0, 520).Select(id => Transaction(id))])).ShouldAllBe(result => result == IntakeResult.Duplicate);
    }

    [Fact]
    public async Task Who_sleeps_is_not_in_memory_and_wakes_for_a_read_or_an_event()
    {
        await using TestStore store = await TestStore.OpenAsync();
        await PushManyAsync(store, 0, 300);
        long awake = store.Host.Status().Memory.Use.HeldBytes;
        store.SleepAll();
        store.Host.Status().Partitions.Sum(partition => partition.Awake).ShouldBe(20, "what no checkpoint holds stays");
        await store.Host.CheckpointAsync(Cancel);
        store.SleepAll();

        HostStatus asleep = store.Host.Status();
        asleep.Partitions.Sum(partition => partition.Awake).ShouldBe(0);
        asleep.Partitions.Sum(partition => partition.Events).ShouldBe(600);
        asleep.Memory.Use.HeldBytes.ShouldBeLessThan(awake / 4);
        asleep.Memory.Use.RowBytes.ShouldBe(0);
        (await store.ReadAsync("customer", "c3", Transactions.At(300)))["count"].Scalar.ShouldBe(Value.Of(30L));
        await store.PushAsync(Transaction(300));
        store.Host.Status().Partitions.Sum(partition => partition.Awake).ShouldBe(3);
    }

    /// <summary>Each checkpoint changes a few entities of many, so files fill with garbage and are put together again and again.</summary>
    [Fact]
    public async Task Files_that_are_mostly_garbage_are_written_anew_and_nothing_is_lost()
    {
        await using TestStore store = await TestStore.OpenAsync(configure: options => options with { CheckpointOnClose = false, CheckpointInterval = TimeSpan.FromDays(1) });
        var random = new Random(5);
        for (int round = 0; round < 60; round++)
        {
            await PushManyAsync(store, round * 30, 30);
            await store.Host.CheckpointAsync(Cancel);
            if (random.Next(3) == 0)
            {
                store.SleepAll();
            }
        }

        Directory.GetFiles(Path.Combine(store.StateDirectory, "a"), "state-*").Length.ShouldBeLessThan(40);
        await using TestStore fresh = await WithoutStateAsync(store);
        await store.ReopenAsync(store.Host.Catalog);
        await ShouldBeSameAsync(store, fresh, 1_800, "after sixty checkpoints");
    }

    [Fact]
    public async Task A_memory_budget_makes_entities_sleep_and_changes_no_value()
    {
        // A fifth of what all would take; what partitions have not reported yet, 64 KB each, comes on top.
        await using TestStore store = await TestStore.OpenAsync(configure: options => options with { MemoryBudgetBytes = 1_500_000, CheckpointInterval = TimeSpan.FromDays(1) });
        await using TestStore roomy = await TestStore.OpenAsync();
        var random = new Random(6);
        for (int round = 0; round < 60; round++)
        {
            Value[][] events = [.. Enumerable.Range(round * 250, 250).Select(id => Transactions.Of(id, id, $"c{random.Next(8_000)}", $"t{random.Next(8_000)}", id % 90))];
            await PushPatientlyAsync(store, events);
            await roomy.PushAsync(events);
        }

        HostStatus status = store.Host.Status();
        status.Partitions.Sum(partition => partition.Awake).ShouldBeLessThan(status.Partitions.Sum(partition => partition.Entities) / 2);
        await ShouldReadAlikeAsync(store, roomy);

        // From the log alone: entities sleep while it is replayed, as well.
        Catalog catalog = store.Host.Catalog;
        await store.CloseAsync();
        Directory.Delete(store.StateDirectory, recursive: true);
        await store.ReopenAsync(catalog);
        store.Host.Status().Checkpoints.Number.ShouldBeGreaterThan(0);
        await ShouldReadAlikeAsync(store, roomy);
    }

    private static async Task ShouldReadAlikeAsync(TestStore store, TestStore roomy)
    {
        foreach (int customer in Enumerable.Range(0, 8_000).Where(customer => customer % 17 == 0))
        {
            FeatureRead mine = store.Question("customer", Transactions.At(15_000), $"c{customer}");
            FeatureRead theirs = roomy.Question("customer", Transactions.At(15_000), $"c{customer}");
            await store.Host.ReadAsync(mine, Cancel);
            await roomy.Host.ReadAsync(theirs, Cancel);
            mine.Values.Select(Show).ShouldBe(theirs.Values.Select(Show), $"customer {customer}");
            mine.Values.ShouldAllBe(value => value.Status != FeatureStatus.Approximate);
        }
    }

    [Fact]
    public async Task State_built_anew_takes_over_while_events_come_and_a_restart_takes_it()
    {
        await using TestStore store = await TestStore.OpenAsync(configure: options => options with { CheckpointOnClose = false });
        await PushManyAsync(store, 0, 400);
        await store.Host.CheckpointAsync(Cancel);
        Task<long> replay = store.Host.ReplayAsync(new LogSequence(0), null, Cancel).AsTask();
        await PushManyAsync(store, 400, 100);
        (await replay).ShouldBeGreaterThanOrEqualTo(800);
        await PushManyAsync(store, 500, 50);
        await using TestStore fresh = await WithoutStateAsync(store);
        await ShouldBeSameAsync(store, fresh, 550, "live");
        await store.ReopenAsync(store.Host.Catalog);
        await ShouldBeSameAsync(store, fresh, 550, "after a restart");
        (await store.PushAsync(Transaction(0), Transaction(420))).ShouldAllBe(result => result == IntakeResult.Duplicate);
    }

    [Fact]
    public async Task Other_definitions_are_saved_with_their_state_and_those_that_fail_leave_the_old()
    {
        await using TestStore store = await TestStore.OpenAsync(Transactions.Catalog(terminals: false), configure: options => options with { CheckpointOnClose = false });
        await PushManyAsync(store, 0, 200);
        await store.Host.CheckpointAsync(Cancel);
        await Should.ThrowAsync<InvalidOperationException>(async () => await store.Host.ChangeCatalogAsync(Transactions.Catalog(window: "30m"), () => throw new InvalidOperationException("not today"), Cancel));
        await store.PushAsync(Transaction(200));
        await store.ReopenAsync(store.Host.Catalog);
        (await store.ReadAsync("customer", "c0", Transactions.At(200)))["count"].Scalar.ShouldBe(Value.Of(21L));

        Catalog next = Transactions.Catalog(window: "1m");
        await store.Host.ChangeCatalogAsync(next, () => { }, Cancel);
        await store.PushAsync(Transaction(201));
        await store.ReopenAsync(next);
        (await store.ReadAsync("customer", "c0", Transactions.At(201)))["count"].Scalar.ShouldBe(Value.Of(6L));
        (await store.ReadAsync("terminal", "t0", Transactions.At(201)))["count"].Scalar.ShouldBe(Value.Of(6L));
        (await store.PushAsync(Transaction(7), Transaction(201))).ShouldAllBe(result => result == IntakeResult.Duplicate);
    }

    [Fact]
    public async Task Ids_beyond_the_horizon_are_forgotten_and_what_might_be_their_duplicate_is_refused()
    {
        await using TestStore store = await TestStore.OpenAsync(configure: options => options with { CheckpointOnClose = false, DedupeHorizon = TimeSpan.FromHours(1) });
        const int Day = 86_400;
        await store.PushAsync(Transactions.Of(1, 0, "ann", "t1", 10), Transactions.Of(2, 10, "ann", "t1", 10));
        await store.Host.CheckpointAsync(Cancel);
        await store.PushAsync(Transactions.Of(3, 3 * Day, "ann", "t1", 10));
        await store.Host.CheckpointAsync(Cancel);
        for (int start = 0; start < 2; start++)
        {
            CorrectionOutcome[] outcomes = await store.PushAsync(
                new Push(Transactions.Of(1, 0, "ann", "t1", 10)),
                new Push(Transactions.Of(3, 3 * Day, "ann", "t1", 10)),
                new Push(Transactions.Of(2, 10, "ann", "t1", 99), EventOperation.Upsert),
                new Push(Transactions.Of(2, 10, "ann", "t1", 99), EventOperation.Delete),
                new Push(Transactions.Of(100 + start, (3 * Day) + 1, "ann", "t1", 5), EventOperation.Upsert));
            outcomes.Select(outcome => outcome.Result).ShouldBe([IntakeResult.Refused, IntakeResult.Duplicate, IntakeResult.Refused, IntakeResult.Refused, IntakeResult.Accepted], $"start {start}");
            outcomes[0].Note.Refusal!.Reason.ShouldContain("have been forgotten");
            outcomes[0].Note.Refusal!.Fix.ShouldContain("--dedupe-horizon");
            store.Host.Status().Streams[0].Accepted.ShouldBe(4 + start);
            await store.ReopenAsync(store.Host.Catalog);
        }
    }

    [Fact]
    public async Task Old_segments_go_behind_a_checkpoint_and_what_would_need_them_says_so()
    {
        await using TestStore store = await TestStore.OpenAsync(
            configure: options => options with { CheckpointOnClose = false, LogSegmentBytesMax = 16 * 1024, RawHistory = TimeSpan.Zero, CheckpointInterval = TimeSpan.FromDays(1) });
        const int Day = 86_400;
        for (int round = 0; round < 10; round++)
        {
            await store.PushAsync([.. Enumerable.Range(0, 100).Select(id => Transactions.Of((round * 100) + id, (round * Day) + id, $"c{id % 10}", "t1", 1))]);
        }

        await store.Host.CheckpointAsync(Cancel);
        store.Clock.Advance(TimeSpan.FromMinutes(1));
        await store.Host.CheckpointAsync(Cancel);
        Directory.GetFiles(store.LogDirectory, "segment-*").Length.ShouldBeLessThan(3);
        for (int start = 0; start < 2; start++)
        {
            (await store.ReadAsync("customer", "c1", Transactions.At((9 * Day) + 100)))["count"].Scalar.ShouldBe(Value.Of(10L));
            (await store.ReadAsync("customer", "c1", Transactions.At(100), history: true))["count"].Status.ShouldBe(FeatureStatus.OutsideRetention);
            (await store.PushAsync(new Push(Transactions.Of(1, 1, "c1", "t1", 9), EventOperation.Upsert)))[0].Result.ShouldBe(IntakeResult.Refused);
            (await store.PushAsync(Transactions.Of(901, (9 * Day) + 1, "c1", "t1", 1))).ShouldBe([IntakeResult.Duplicate]);
            await store.ReopenAsync(store.Host.Catalog);
        }

        // Built anew from what is left, windows that reach back to what is gone are not answered; those within are.
        await store.Host.ReplayAsync(new LogSequence(0), null, Cancel);
        (await store.ReadAsync("customer", "c1", Transactions.At((9 * Day) + 100)))["count"].Status.ShouldBeOneOf(FeatureStatus.Present, FeatureStatus.OutsideRetention);
        (await store.ReadAsync("customer", "c1", Transactions.At((8 * Day) + 100)))["count"].Status.ShouldBe(FeatureStatus.OutsideRetention);
    }

    [Fact]
    public async Task A_state_that_is_ahead_of_its_log_is_refused()
    {
        await using TestStore store = await TestStore.OpenAsync();
        await PushManyAsync(store, 0, 10);
        Catalog catalog = store.Host.Catalog;
        await store.CloseAsync();
        string[] old = [.. Directory.GetFiles(store.LogDirectory).Where(file => !file.EndsWith(".lock", StringComparison.Ordinal))];
        Dictionary<string, byte[]> contents = old.ToDictionary(file => file, File.ReadAllBytes);
        await store.ReopenAsync(catalog);
        await PushManyAsync(store, 10, 10);
        await store.CloseAsync();
        foreach (string file in Directory.GetFiles(store.LogDirectory))
        {
            File.Delete(file);
        }

        foreach ((string file, byte[] bytes) in contents)
        {
            File.WriteAllBytes(file, bytes);
        }

        (await Should.ThrowAsync<LogIncompatibleException>(() => store.ReopenAsync(catalog))).Message.ShouldContain("records are missing");
    }

    [Fact]
    public async Task A_damaged_entity_does_not_answer_its_neighbours_do_and_a_replay_heals_it()
    {
        await using TestStore store = await TestStore.OpenAsync(configure: options => options with { CheckpointInterval = TimeSpan.FromDays(1) });
        await PushManyAsync(store, 0, 300);
        await store.Host.CheckpointAsync(Cancel);
        store.SleepAll();
        string file = Directory.GetFiles(Path.Combine(store.StateDirectory, "a"), "state-*").Single();
        byte[] bytes = await File.ReadAllBytesAsync(file, Cancel);
        bytes[200] ^= 1;
        await File.WriteAllBytesAsync(file, bytes, Cancel);

        var damaged = new List<(string Entity, string Key)>();
        foreach ((string entity, string key) in Keys())
        {
            try
            {
                (await store.ReadAsync(entity, key, Transactions.At(300)))["count"].Scalar.ShouldBe(Value.Of(30L));
            }
            catch (EntityUnreadableException unreadable)
            {
                unreadable.Message.ShouldContain("orleans-features replay");
                damaged.Add((entity, key));
            }
        }

        damaged.Count.ShouldBeLessThanOrEqualTo(1);
        await ShouldBeAnsweredInPartAsync(store, damaged);

        // An event for it must not be lost to it in silence either: it still does not answer, also after a restart.
        await PushManyAsync(store, 300, 20);
        foreach ((string entity, string key) in damaged)
        {
            await Should.ThrowAsync<Exception>(() => store.ReadAsync(entity, key, Transactions.At(330)));
        }

        await store.Host.ReplayAsync(new LogSequence(0), null, Cancel);
        foreach ((string entity, string key) in Keys())
        {
            (await store.ReadAsync(entity, key, Transactions.At(330)))["count"].Scalar.ShouldBe(Value.Of(32L));
        }
    }

    /// <summary>A read of everybody that is content with a part misses the damaged ones, and says which.</summary>
    private static async Task ShouldBeAnsweredInPartAsync(TestStore store, List<(string Entity, string Key)> damaged)
    {
        foreach (IGrouping<string, string> entity in Keys().GroupBy(key => key.Entity, key => key.Key))
        {
            string[] keys = [.. entity];
            using var rows = new PartialRows(keys.Length, Timeout.InfiniteTimeSpan, TimeProvider.System);
            var read = new FeatureRead(store.Host.Catalog.AllOf(entity.Key)!, keys.Length) { Partial = rows };
            for (int row = 0; row < keys.Length; row++)
            {
                (read.Keys[row], read.AsOf[row]) = (HostCalls.KeyOf(keys[row]), Transactions.At(300));
            }

            await store.Host.ReadAsync(read, Cancel);
            for (int row = 0; row < keys.Length; row++)
            {
                bool isLost = damaged.Contains((entity.Key, keys[row]));
                rows.Outcomes[row].ShouldBe(isLost ? RowOutcome.Lost : RowOutcome.Answered, keys[row]);
                read.Values[row * 3].ShouldBe(isLost ? FeatureValue.Invalid : FeatureValue.Of(Value.Of(30L)), keys[row]);
            }
        }
    }

    private static IEnumerable<(string Entity, string Key)> Keys() =>
        Enumerable.Range(0, 10).SelectMany(index => ((string, string)[])[("customer", $"c{index}"), ("terminal", $"t{index}")]);

    private static Value[] Transaction(int id) => Transactions.Of(id, id, $"c{id % 10}", $"t{id % 10}", (id % 50) + 0.25);

    private static async Task PushManyAsync(TestStore store, int first, int count) =>
        (await store.PushAsync([.. Enumerable.Range(first, count).Select(Transaction)])).ShouldAllBe(result => result == IntakeResult.Accepted);

    /// <summary>As a client does: a refusal for want of memory is temporary, because it asks for a checkpoint.</summary>
    private static async Task PushPatientlyAsync(TestStore store, Value[][] events)
    {
        while (true)
        {
            try
            {
                await store.PushAsync(events);
                return;
            }
            catch (StateMemoryFullException)
            {
                await store.Host.CheckpointAsync(Cancel);
                store.SleepAll();
            }
        }
    }

    private static Push Any(Random random, int turn)
    {
        int id = random.Next(turn * 12, (turn * 12) + 60);
        EventOperation operation = random.Next(8) switch { 0 => EventOperation.Upsert, 1 => EventOperation.Delete, _ => EventOperation.Insert };
        return new Push(Transactions.Of(id, (turn * 60) + random.Next(-1_000, 1_000) + 2_000, $"c{random.Next(12)}", $"t{random.Next(5)}", random.Next(1, 100)), operation, Arrival: Transactions.At(100_000 + turn));
    }

    /// <summary>A store over a copy of the log alone.</summary>
    private static async Task<TestStore> WithoutStateAsync(TestStore store)
    {
        await store.WaitAllAppliedAsync();
        return await store.ImageAsync();
    }

    private static async Task ShouldBeSameAsync(TestStore left, TestStore right, int turn, string context)
    {
        foreach ((string entity, int keys) in ((string, int)[])[("customer", 12), ("terminal", 10)])
        {
            foreach (long second in (long[])[turn * 60, (turn * 60) + 3_000, turn])
            {
                string prefix = entity == "customer" ? "c" : "t";
                string[] names = [.. Enumerable.Range(0, keys).Select(key => $"{prefix}{key}")];
                FeatureRead mine = left.Question(entity, Transactions.At(second), names);
                FeatureRead theirs = right.Question(entity, Transactions.At(second), names);
                await left.Host.ReadAsync(mine, Cancel);
                await right.Host.ReadAsync(theirs, Cancel);
                mine.Values.Select(Show).ShouldBe(theirs.Values.Select(Show), context);
                mine.Stamps.ShouldBe(theirs.Stamps, context);
            }
        }

        left.Host.Status().Partitions.Sum(partition => partition.Events).ShouldBe(right.Host.Status().Partitions.Sum(partition => partition.Events), context);
    }

    private static string Show(FeatureValue value) => $"{value.Status}:{value.Scalar.Bits}:{string.Join(';', (value.List ?? []).Select(element => element.Bits))}";
}
