using Grpc.Core;

namespace OrleansFeatures.Acceptance.Tests.Faults;

/// <summary>The disk below a running store fills up and gets room again.</summary>
public sealed class DiskFullTests
{
    /// <summary>The log reserves 16 MB at a time, so that these are three steps and some.</summary>
    private const int DiskMegabytes = 96;
    private const int BallastMegabytes = 40;

    /// <summary>A million events are 200 MB of log: twice the disk.</summary>
    private const int BatchesMax = 1_000_000 / CardTraffic.BatchEvents;

    [Fact]
    public async Task A_full_disk_refuses_appends_by_name_reads_go_on_and_with_room_appends_go_on_by_themselves()
    {
        using TinyDisk disk = TinyDisk.Mount(DiskMegabytes);
        disk.Take(BallastMegabytes);
        await using RunningServer server = await RunningServer.StartAsync(new ServerStart(disk.Data));
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
        server.Said.ShouldBeEmpty();
    }

    [Fact]
    public async Task Killed_on_a_full_disk_a_store_starts_on_it_again_answers_and_goes_on_when_there_is_room()
    {
        using TinyDisk disk = TinyDisk.Mount(DiskMegabytes);
        disk.Take(BallastMegabytes);
        CardTraffic cards;
        await using (RunningServer first = await RunningServer.StartAsync(new ServerStart(disk.Data)))
        {
            cards = new CardTraffic(first.Connect());
            await cards.PushUntilRefusedAsync(BatchesMax);
            disk.TakeAll();
            await first.KillAsync();
        }

        await using RunningServer second = await RunningServer.StartAsync(new ServerStart(disk.Data));
        cards = cards.Over(second.Connect());
        await cards.ShouldHoldWhatWasAcknowledgedAsync();
        (await cards.PushUntilRefusedAsync(BatchesMax)).StatusCode.ShouldBe(StatusCode.ResourceExhausted);

        disk.GiveBack();
        await cards.PushAsync(batches: 20);
        await cards.ShouldHoldWhatWasAcknowledgedAsync();
    }
}
