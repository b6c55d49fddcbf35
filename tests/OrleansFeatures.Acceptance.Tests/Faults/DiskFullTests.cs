using Grpc.Core;
using OrleansFeatures.V1;

namespace OrleansFeatures.Acceptance.Tests.Faults;

/// <summary>The disk below a running store fills up and gets room again.</summary>
public sealed class DiskFullTests
{
    /// <summary>The log reserves 16 MB at a time, so that these are three steps and some.</summary>
    private const int DiskMegabytes = 96;
    private const int BallastMegabytes = 40;

    private const string Prlimit = "/usr/bin/prlimit";

    /// <summary>Two steps of the log.</summary>
    private const int FileBytesMax = 32 * 1024 * 1024;

    /// <summary>A million events are 200 MB of log: twice the disk.</summary>
    private const int BatchesMax = 1_000_000 / CardTraffic.BatchEvents;

    /// <summary>Checkpoints meet the full disk as well; theirs fail, and nothing else does.</summary>
    private static readonly string[] Checkpoints = ["--checkpoint-interval", "1s"];

    [Fact]
    public async Task A_full_disk_refuses_appends_by_name_reads_go_on_and_with_room_appends_go_on_by_themselves()
    {
        using TinyDisk disk = TinyDisk.Mount(DiskMegabytes);
        disk.Take(BallastMegabytes);
        await using RunningServer server = await RunningServer.StartAsync(new ServerStart(disk.Data) { Options = Checkpoints });
        var cards = new CardTraffic(server.Connect());

        RpcException full = await cards.PushUntilRefusedAsync(BatchesMax);
        full.StatusCode.ShouldBe(StatusCode.ResourceExhausted, full.Status.Detail);
        full.Status.Detail.ShouldContain("no space left");
        full.Status.Detail.ShouldContain(disk.Data);
        cards.Acknowledged.ShouldBeGreaterThan(0);
        await cards.ShouldHoldWhatWasAcknowledgedAsync();

        disk.GiveBack();
        await cards.PushAsync(batches: 20);
        await cards.ShouldHoldWhatWasAcknowledgedAsync();
    }

    [Fact]
    public async Task Killed_on_a_full_disk_a_store_starts_on_it_again_answers_and_goes_on_when_there_is_room()
    {
        using TinyDisk disk = TinyDisk.Mount(DiskMegabytes);
        disk.Take(BallastMegabytes);
        CardTraffic cards;
        await using (RunningServer first = await RunningServer.StartAsync(new ServerStart(disk.Data) { Options = Checkpoints }))
        {
            cards = new CardTraffic(first.Connect());
            await cards.PushUntilRefusedAsync(BatchesMax);
            disk.TakeAll();
            await first.KillAsync();
        }

        await using RunningServer second = await RunningServer.StartAsync(new ServerStart(disk.Data) { Options = Checkpoints });
        cards = cards.Over(second.Connect());
        await cards.ShouldHoldWhatWasAcknowledgedAsync();
        (await cards.PushUntilRefusedAsync(BatchesMax)).StatusCode.ShouldBe(StatusCode.ResourceExhausted);

        disk.GiveBack();
        await cards.PushAsync(batches: 20);
        await cards.ShouldHoldWhatWasAcknowledgedAsync();
    }

    /// <summary>
    /// What a test without root can do. A file system takes no reservation for a limit on the size of files (<c>ulimit -f</c>), so the log meets it in a write, and after a failed write it acknowledges
    /// nothing more until a restart.
    /// </summary>
    [Fact]
    public async Task A_limit_on_the_size_of_files_ends_appends_and_not_the_process_and_nothing_acknowledged_is_lost()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists(Prlimit), $"{Prlimit} is not there: it limits the size of a process's files");
        DirectoryInfo folder = Directory.CreateTempSubdirectory("orleans-features-");
        try
        {
            var start = new ServerStart(Path.Combine(folder.FullName, "data"));
            CardTraffic cards;
            await using (RunningServer limited = await RunningServer.StartAsync(start with { Before = [Prlimit, $"--fsize={FileBytesMax}"] }))
            {
                cards = new CardTraffic(limited.Connect());
                RpcException failed = await cards.PushUntilRefusedAsync(BatchesMax);
                failed.StatusCode.ShouldBe(StatusCode.Unavailable, failed.Status.Detail);
                failed.Status.Detail.ShouldContain("segment-");
                failed.Status.Detail.ShouldContain("restart");
                await cards.ShouldHoldWhatWasAcknowledgedAsync();
                limited.HasExited.ShouldBeFalse();
            }

            await using RunningServer free = await RunningServer.StartAsync(start);
            cards = cards.Over(free.Connect());
            (await cards.HeldAsync()).ShouldBeInRange(cards.Acknowledged, cards.Acknowledged + CardTraffic.BatchEvents, "of the batch that failed, nothing, something or all may be found");
            PushResponse again = await cards.PushAgainAsync();
            (again.Accepted + again.Duplicates).ShouldBe((ulong)CardTraffic.BatchEvents);
            await cards.ShouldHoldWhatWasAcknowledgedAsync();
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
