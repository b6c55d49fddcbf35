using OrleansFeatures.Log.Tests.Faults;

namespace OrleansFeatures.Log.Tests;

public class DiskFailureTests
{
    private static LogOptions Options => LogTestKit.Options("/memory", segmentBytes: Limits.SegmentBytesMin);

    [Fact]
    public async Task A_failed_sync_poisons_for_good_while_reading_goes_on()
    {
        var device = new FaultyLogDevice(1);
        await using var log = LogTestKit.Open(Options with { DeliverCommitted = true }, device);
        await log.Append((0, "safe"));
        await Eventually.Is(() => device.Files[Format.LogFiles.DurableMark].Length > 0);
        var operations = device.Operations;
        await log.Append((0, "also safe"));
        var perCommit = device.Operations - operations;
        device.FailAt = device.Operations + perCommit + 1;

        var failed = await Should.ThrowAsync<LogPoisonedException>(async () =>
        {
            while (true)
            {
                await log.Append((0, "lost"));
            }
        });

        failed.IsDiskFull.ShouldBeFalse();
        failed.DurableSequence.ShouldBe(log.DurableSequence);
        log.Poisoned.ShouldNotBeNull();
        var after = device.Operations;
        await Should.ThrowAsync<LogPoisonedException>(() => log.Append((0, "refused")));
        using var batch = LogTestKit.Batch((0, "refused as well"));
        log.TryAppend(batch, out var refused).ShouldBeTrue();
        await Should.ThrowAsync<LogPoisonedException>(() => refused);
        device.Operations.ShouldBe(after, "a poisoned log must not touch the disk again");
        log.ReadAll().Count.ShouldBe((int)log.DurableSequence.Value + 1);

        for (var i = 0; i <= log.DurableSequence.Value; i++)
        {
            (await log.Committed.ReadAsync(TestContext.Current.CancellationToken)).Release();
        }

        await Should.ThrowAsync<LogPoisonedException>(async () => await log.Committed.WaitToReadAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task After_a_failed_sync_nothing_under_way_queued_or_waiting_is_ever_acknowledged_although_the_disk_is_well_again()
    {
        var device = new GatedLogDevice();
        var log = LogTestKit.Open(LogTestKit.Options("/memory") with { QueueBytesMax = 4 * 1024 }, device);
        await log.Append((0, "safe"));
        device.IsOpen = false;
        var appends = new List<Task<AppendReceipt>> { log.Append((0, "being synced")) };
        await Eventually.Is(() => device.Arrived == 1);
        appends.AddRange(Enumerable.Range(0, 20).Select(i => log.Append((1, $"{i} {new string('x', 600)}"))));
        log.BytesHeld.ShouldBeGreaterThan(2_000, "some are queued");
        (21 * 600).ShouldBeGreaterThan((int)log.BytesHeld, "and the others wait");

        device.Fails = true;
        device.IsOpen = true;
        device.Gate.Release();
        foreach (var append in appends)
        {
            await Should.ThrowAsync<LogPoisonedException>(() => append);
        }

        device.Fails = false;
        var arrived = device.Arrived;
        await Should.ThrowAsync<LogPoisonedException>(() => log.Append((0, "later")));
        log.DurableSequence.ShouldBe(new LogSequence(0));
        log.ReadAll().ShouldHaveSingleItem().Payload.ShouldBe("safe");
        await log.DisposeAsync();
        device.Arrived.ShouldBe(arrived);

        // What was being synced may be there, as its group was written; what was queued cannot be.
        await using var again = LogTestKit.Open(LogTestKit.Options("/memory"), device);
        again.ReadAll().Select(record => record.Payload).ShouldBe(["safe", "being synced"]);
    }

    [Fact]
    public async Task A_full_disk_refuses_without_poison_and_appends_go_on_when_there_is_space()
    {
        var device = new FaultyLogDevice(1) { Capacity = 20_000 };
        var accepted = new List<string>();
        await using (var log = LogTestKit.Open(Options, device))
        {
            for (var round = 0; round < 3; round++)
            {
                var refusal = await Should.ThrowAsync<LogFullException>(async () =>
                {
                    for (var i = 0; ; i++)
                    {
                        var payload = $"{round}:{i} {new string('x', 700)}";
                        await log.Append((0, payload));
                        accepted.Add(payload);
                    }
                });

                refusal.Message.ShouldContain("no space left");
                log.Poisoned.ShouldBeNull();
                log.ReadAll().Select(record => record.Payload).ShouldBe(accepted);
                device.Capacity += 15_000;
            }
        }

        accepted.Count.ShouldBeGreaterThan(40);
        await using var again = LogTestKit.Open(Options, device);
        again.ReadAll().Select(record => record.Payload).ShouldBe(accepted);
    }

    [Fact]
    public async Task A_batch_refused_by_a_full_disk_can_be_appended_again()
    {
        var device = new FaultyLogDevice(1) { Capacity = 5_000 };
        await using var log = LogTestKit.Open(Options, device);
        using var batch = LogTestKit.Batch((0, new string('x', 6_000)), (1, "tail"));
        await Should.ThrowAsync<LogFullException>(() => log.AppendAsync(batch, TestContext.Current.CancellationToken));
        device.Capacity = 50_000;
        (await log.AppendAsync(batch, TestContext.Current.CancellationToken)).Count.ShouldBe(2);
        log.ReadAll().Select(record => (record.Sequence, record.Offset)).ShouldBe([(0L, 0L), (1L, 0L)]);
    }

    [Fact]
    public async Task Without_reservation_a_full_disk_poisons_and_says_so_and_loses_nothing()
    {
        var device = new FaultyLogDevice(1) { Capacity = 10_000, CanReserve = false };
        var acknowledged = 0;
        await using (var log = LogTestKit.Open(Options with { SegmentBytesMax = 64 * 1024 }, device))
        {
            var poisoned = await Should.ThrowAsync<LogPoisonedException>(async () =>
            {
                for (; ; acknowledged++)
                {
                    await log.Append((0, new string('x', 700)));
                }
            });
            poisoned.IsDiskFull.ShouldBeTrue();
        }

        device.Capacity = long.MaxValue;
        await using var again = LogTestKit.Open(Options with { SegmentBytesMax = 64 * 1024 }, device);
        again.ReadAll().Count.ShouldBeInRange(acknowledged, acknowledged + 1);
    }

    [Fact]
    public async Task A_second_opener_is_refused_with_the_owners_process_number()
    {
        using var directory = new TempDirectory();
        var options = LogTestKit.Options(directory);
        await using (var log = LogTestKit.Open(options))
        {
            var refused = Should.Throw<LogInUseException>(() => LogTestKit.Open(options));
            refused.Message.ShouldContain($"process {Environment.ProcessId}");
            await log.Append((0, "undisturbed"));
        }

        await using var next = LogTestKit.Open(options);
        next.DurableSequence.ShouldBe(new LogSequence(0));
    }

    [Fact]
    public void A_directory_that_cannot_be_opened_is_given_free_again()
    {
        using var directory = new TempDirectory();
        File.WriteAllBytes(Path.Combine(directory, Format.LogFiles.Manifest), [1, 2, 3]);
        for (var i = 0; i < 3; i++)
        {
            Should.Throw<LogCorruptException>(() => LogTestKit.Open(LogTestKit.Options(directory)));
        }
    }

    [Fact]
    public void Options_outside_their_range_are_refused_by_name()
    {
        var good = Options;
        foreach (var (bad, name) in new[]
        {
            (good with { PartitionCount = 0 }, "PartitionCount"),
            (good with { PartitionCount = Limits.PartitionCountMax + 1 }, "PartitionCount"),
            (good with { SegmentBytesMax = Limits.SegmentBytesMin - 1 }, "SegmentBytesMax"),
            (good with { CommitBytesMax = 0 }, "CommitBytesMax"),
            (good with { CommitDelayMax = TimeSpan.FromSeconds(2) }, "CommitDelayMax"),
            (good with { QueueBytesMax = 10 }, "QueueBytesMax"),
            (good with { Verification = (LogVerification)9 }, "Verification"),
        })
        {
            Should.Throw<ArgumentOutOfRangeException>(() => LogTestKit.Open(bad, new FaultyLogDevice(1))).Message.ShouldContain(name);
        }
    }
}
