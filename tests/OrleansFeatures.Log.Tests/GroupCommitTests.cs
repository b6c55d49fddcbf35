using OrleansFeatures.Log.Tests.Faults;

namespace OrleansFeatures.Log.Tests;

public class GroupCommitTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Nothing_is_acknowledged_or_readable_before_its_sync_and_what_comes_meanwhile_shares_the_next_one()
    {
        var device = new GatedLogDevice();
        var log = LogTestKit.Open(LogTestKit.Options("/memory"), device);
        await log.Append((0, "first"));
        device.IsOpen = false;

        var alone = log.Append((0, "alone"));
        await Eventually.Is(() => device.Arrived == 1);
        var together = Enumerable.Range(0, 20).Select(i => log.Append((1, $"{i}"))).ToList();
        alone.IsCompleted.ShouldBeFalse();
        log.DurableSequence.ShouldBe(new LogSequence(0));
        log.DurableOffset(new PartitionId(0)).ShouldBe(new LogOffset(0));
        log.ReadAll().Count.ShouldBe(1);

        device.Gate.Release();
        await alone;
        await Eventually.Is(() => device.Arrived == 2);
        together.ShouldAllBe(append => !append.IsCompleted);
        log.DurableSequence.ShouldBe(new LogSequence(1));

        device.IsOpen = true;
        device.Gate.Release();
        await Task.WhenAll(together);
        device.Arrived.ShouldBe(2);
        log.ReadAll().Count.ShouldBe(22);
        await log.DisposeAsync();
    }

    [Fact]
    public async Task A_group_stops_at_its_bytes()
    {
        var device = new GatedLogDevice();
        var log = LogTestKit.Open(LogTestKit.Options("/memory") with { CommitBytesMax = 1000 }, device);
        device.IsOpen = false;
        var first = log.Append((0, "first"));
        await Eventually.Is(() => device.Arrived == 1);
        var appends = Enumerable.Range(0, 4).Select(_ => log.Append((0, new string('x', 400)))).ToList();
        device.Gate.Release();
        await Eventually.Is(() => device.Arrived == 2);
        device.Gate.Release();
        await Eventually.Is(() => device.Arrived == 3);

        // The first group's callers are answered on threads of their own, some time after its sync: these two must come, the others cannot.
        await Task.WhenAll(appends[0], appends[1]).WaitAsync(Token);
        appends.Select(append => append.IsCompleted).ShouldBe([true, true, false, false]);
        device.IsOpen = true;
        device.Gate.Release();
        await Task.WhenAll([first, .. appends]);
        await log.DisposeAsync();
    }

    [Fact]
    public async Task Appenders_continue_off_the_writer_thread()
    {
        await using var log = LogTestKit.Open(LogTestKit.Options("/memory"), new FaultyLogDevice(1));
        for (var i = 0; i < 100; i++)
        {
            using var batch = LogTestKit.Batch((0, "x"));
            var thread = await log.AppendAsync(batch, Token).ContinueWith(_ => Thread.CurrentThread.Name, Token, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            thread.ShouldNotBe("log writer");
        }
    }

    [Fact]
    public async Task Replay_during_appends_and_changes_of_segments_always_shows_a_dense_beginning()
    {
        using var directory = new TempDirectory();
        await using var log = LogTestKit.Open(LogTestKit.Options(directory, segmentBytes: 16 * 1024));
        var appender = Task.Run(async () =>
        {
            for (var i = 0; i < 600; i++)
            {
                await log.Append((0, $"{2 * i} {new string('x', 100)}"), (1, $"{2 * i + 1}"));
            }
        }, Token);

        while (!appender.IsCompleted)
        {
            var durable = log.DurableSequence.Value;
            var seen = log.ReadAll();
            seen.Count.ShouldBeGreaterThanOrEqualTo((int)durable + 1);
            seen.Select(record => int.Parse(record.Payload.Split(' ')[0])).ShouldBe(Enumerable.Range(0, seen.Count));
        }

        await appender;
        log.ReadAll().Count.ShouldBe(1200);
    }
}
