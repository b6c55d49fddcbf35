using OrleansFeatures.Log.Tests.Faults;

namespace OrleansFeatures.Log.Tests;

public class BackPressureTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static LogOptions Options => LogTestKit.Options("/memory") with { DeliverCommitted = true, QueueBytesMax = 4 * 1024 };

    [Fact]
    public async Task The_consumer_sees_batches_in_commit_order_with_offsets_tags_and_the_producers_bytes()
    {
        await using var log = LogTestKit.Open(Options, new FaultyLogDevice(1));
        for (var i = 0; i < 5; i++)
        {
            using var batch = LogTestKit.Batch((i % 2, $"{2 * i}"), (2, $"{2 * i + 1}"));
            batch.Tag = i;
            await log.AppendAsync(batch, Token);
        }

        for (var i = 0; i < 5; i++)
        {
            var committed = await log.Committed.ReadAsync(Token);
            committed.Tag.ShouldBe(i);
            committed.Count.ShouldBe(2);
            committed.Receipt.ShouldBe(new AppendReceipt(new LogSequence(2 * i), new LogSequence(2 * i + 1)));
            Records(committed).ShouldBe([new Seen(2 * i, i % 2, i / 2, $"{2 * i}"), new Seen(2 * i + 1, 2, i, $"{2 * i + 1}")]);
            committed.Release();
            committed.Release();
            Should.Throw<ObjectDisposedException>(() => committed.Records.GetEnumerator());
        }

        log.BytesHeld.ShouldBe(0);
    }

    [Fact]
    public async Task A_slow_consumer_stops_appends_at_the_queues_bound_and_each_release_lets_one_in()
    {
        await using var log = LogTestKit.Open(Options, new FaultyLogDevice(1));
        var appends = Enumerable.Range(0, 50).Select(i => log.Append((0, $"{i} {new string('x', 500)}"))).ToList();

        for (var released = 0; released < 50; released++)
        {
            var committed = await log.Committed.ReadAsync(Token);
            log.BytesHeld.ShouldBeInRange(1, Options.QueueBytesMax);
            appends.Count(append => append.IsCompleted).ShouldBeLessThanOrEqualTo(released + 8);
            Records(committed)[0].Payload.ShouldStartWith($"{released} ");
            committed.Release();
        }

        await Task.WhenAll(appends);
        log.BytesHeld.ShouldBe(0);
    }

    [Fact]
    public async Task A_slow_disk_holds_appends_back_within_the_queues_bytes_and_all_of_them_come_through()
    {
        const int count = 200;
        var device = new GatedLogDevice();
        var clock = new SetClock(DateTimeOffset.UnixEpoch);
        var log = EventLog.Open(Options with { DeliverCommitted = false }, device, clock);
        device.IsOpen = false;
        var appends = Enumerable.Range(0, count).Select(i => log.Append((0, $"{i} {new string('x', 500)}"))).ToList();
        var syncs = 0;
        for (; appends.Any(append => !append.IsCompleted); syncs++)
        {
            await Eventually.Is(() => device.Arrived > syncs || appends.All(append => append.IsCompleted));
            log.BytesHeld.ShouldBeInRange(0, Options.QueueBytesMax);
            using var more = LogTestKit.Batch((0, new string('y', 3_000)));
            if (appends[^1].IsCompleted || !log.TryAppend(more, out var accepted))
            {
                // As it should be while others wait: a caller that can come again later is told so at once.
                clock.Elapse(TimeSpan.FromSeconds(30)); // So long did that sync take.
                device.Gate.Release();
                continue;
            }

            appends.Add(accepted);
        }

        syncs.ShouldBeGreaterThanOrEqualTo(count * 528 / 4096);
        device.IsOpen = true;
        await log.DisposeAsync();
        (await Task.WhenAll(appends.Take(count))).Select(receipt => receipt.First.Value).ShouldBeInOrder();
    }

    [Fact]
    public async Task TryAppend_refuses_when_full_and_the_batch_can_be_tried_again()
    {
        await using var log = LogTestKit.Open(Options, new FaultyLogDevice(1));
        await log.Append((0, new string('x', 3500)));
        using var batch = LogTestKit.Batch((0, "later"));
        log.TryAppend(batch, out _).ShouldBeTrue();
        using var second = LogTestKit.Batch((0, new string('y', 2000)));
        log.TryAppend(second, out _).ShouldBeFalse();
        log.TryAppend(second, out _).ShouldBeFalse();
        (await log.Committed.ReadAsync(Token)).Release();
        log.TryAppend(second, out var durable).ShouldBeTrue();
        (await durable).First.ShouldBe(new LogSequence(2));
    }

    [Fact]
    public async Task More_callers_than_may_wait_are_refused_and_those_that_wait_are_not_disturbed()
    {
        var device = new GatedLogDevice();
        await using var log = LogTestKit.Open(Options with { DeliverCommitted = false, CommitBytesMax = 1024 * 1024 }, device);
        device.IsOpen = false;
        var appends = new List<Task<AppendReceipt>> { log.Append((0, new string('x', 5_000))) };
        for (var i = 0; i < Limits.WaitingAppendsMax; i++)
        {
            appends.Add(log.Append((0, "w")));
        }

        await Should.ThrowAsync<LogOverloadedException>(() => log.Append((0, "one too many")));
        device.IsOpen = true;
        device.Gate.Release();
        (await Task.WhenAll(appends))[^1].Last.Value.ShouldBe(Limits.WaitingAppendsMax);
    }

    [Fact]
    public async Task A_batch_larger_than_the_whole_queue_goes_in_alone()
    {
        await using var log = LogTestKit.Open(Options, new FaultyLogDevice(1));
        var large = log.Append((0, new string('x', 20_000)));
        var next = log.Append((0, "next"));
        (await large).First.ShouldBe(new LogSequence(0));
        next.IsCompleted.ShouldBeFalse();
        (await log.Committed.ReadAsync(Token)).Release();
        (await next).First.ShouldBe(new LogSequence(1));
    }

    [Fact]
    public async Task Cancellation_is_honoured_while_waiting_and_leaves_the_batch_to_the_caller()
    {
        await using var log = LogTestKit.Open(Options, new FaultyLogDevice(1));
        await log.Append((0, new string('x', 3000)));
        using var source = new CancellationTokenSource();
        using var batch = LogTestKit.Batch((1, new string('y', 1000)));
        var waiting = log.AppendAsync(batch, source.Token);
        var behind = log.Append((2, "behind"));
        await source.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(() => waiting);
        (await behind).First.ShouldBe(new LogSequence(1));

        batch.Add(new PartitionId(1), "more"u8);
        (await log.Committed.ReadAsync(Token)).Release();
        (await log.AppendAsync(batch, Token)).ShouldBe(new AppendReceipt(new LogSequence(2), new LogSequence(3)));
    }

    [Fact]
    public async Task Cancellation_before_the_call_appends_nothing_and_after_acceptance_is_ignored()
    {
        await using var log = LogTestKit.Open(Options, new FaultyLogDevice(1));
        using var source = new CancellationTokenSource();
        using var accepted = LogTestKit.Batch((0, "accepted"));
        var append = log.AppendAsync(accepted, source.Token);
        await source.CancelAsync();
        (await append).First.ShouldBe(new LogSequence(0));

        using var late = LogTestKit.Batch((0, "late"));
        await Should.ThrowAsync<OperationCanceledException>(() => log.AppendAsync(late, source.Token));
        log.DurableSequence.ShouldBe(new LogSequence(0));
        (await log.AppendAsync(late, Token)).First.ShouldBe(new LogSequence(1));
    }

    [Fact]
    public async Task Closing_writes_what_was_accepted_fails_what_waits_and_ends_the_channel()
    {
        var log = LogTestKit.Open(Options, new FaultyLogDevice(1));
        var accepted = log.Append((0, new string('x', 4000)));
        var waiting = log.Append((0, new string('y', 4000)));
        await log.DisposeAsync();

        (await accepted).First.ShouldBe(new LogSequence(0));
        await Should.ThrowAsync<ObjectDisposedException>(() => waiting);
        await Should.ThrowAsync<ObjectDisposedException>(() => log.Append((0, "late")));
        (await log.Committed.ReadAsync(Token)).Count.ShouldBe(1);
        (await log.Committed.WaitToReadAsync(Token)).ShouldBeFalse();
    }

    [Fact]
    public async Task An_appended_batch_cannot_be_changed_or_appended_twice()
    {
        await using var log = LogTestKit.Open(Options, new FaultyLogDevice(1));
        using var batch = LogTestKit.Batch((0, "once"));
        await log.AppendAsync(batch, Token);
        Should.Throw<InvalidOperationException>(() => batch.Add(new PartitionId(0), "twice"u8));
        await Should.ThrowAsync<InvalidOperationException>(async () => await log.AppendAsync(batch, Token));
        using var foreign = LogTestKit.Batch((4, "no such partition"));
        await Should.ThrowAsync<ArgumentOutOfRangeException>(async () => await log.AppendAsync(foreign, Token));
        using var empty = new AppendBatch();
        await Should.ThrowAsync<ArgumentException>(async () => await log.AppendAsync(empty, Token));
    }

    private static List<Seen> Records(CommittedBatch batch)
    {
        var seen = new List<Seen>();
        foreach (var record in batch.Records)
        {
            seen.Add(Seen.Of(record));
        }

        return seen;
    }
}
