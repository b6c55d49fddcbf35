using Grpc.Core;
using OrleansFeatures.Gateway.Tests.Serving;
using OrleansFeatures.V1;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Admin;

public sealed class AdminServiceTests
{
    [Fact]
    public async Task Status_counts_what_was_accepted_repeated_and_refused()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        PushResponse pushed = await store.Ingest.PushAsync(Clicks.Columns(0, 10), cancellationToken: RunningStore.Cancelled);
        EventRow bad = Clicks.Row(11, 1);
        bad.Values[0] = Clicks.Null();
        await store.Ingest.PushAsync(Clicks.Rows(Clicks.Row(1, 1), bad), cancellationToken: RunningStore.Cancelled);
        await store.Features.GetFeaturesAsync(Clicks.Ask("ada", 1, pushed.Token, "user_stats:n"), cancellationToken: RunningStore.Cancelled);
        GetStatusResponse status = await store.Admin.GetStatusAsync(new GetStatusRequest(), cancellationToken: RunningStore.Cancelled);
        StreamStatus stream = status.Streams.ShouldHaveSingleItem();
        (stream.Stream, stream.Accepted, stream.Duplicates, stream.Quarantined).ShouldBe(("clicks", 10ul, 1ul, 1ul));
        status.Partitions.Count.ShouldBe(64);
        status.Partitions.Aggregate(0ul, (sum, partition) => sum + partition.DurableOffset).ShouldBe(30ul);
        status.LogBytes.ShouldBeGreaterThan(0ul);
    }

    [Fact]
    public async Task The_quarantine_is_listed_newest_first_within_its_limits()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        EventRow[] bad = [.. Enumerable.Range(0, 150).Select(id => Clicks.Row(id, -Clicks.Midnight))];
        await store.Ingest.PushAsync(Clicks.Rows(bad), cancellationToken: RunningStore.Cancelled);
        ListQuarantineResponse list = await store.Admin.ListQuarantineAsync(new ListQuarantineRequest(), cancellationToken: RunningStore.Cancelled);
        (list.Total, list.Events.Count).ShouldBe((150ul, 100));
        list.Events[0].EventJson.ShouldStartWith("{\"id\":149,");
        list = await store.Admin.ListQuarantineAsync(new ListQuarantineRequest { Stream = "other" }, cancellationToken: RunningStore.Cancelled);
        (list.Total, list.Events.Count).ShouldBe((0ul, 0));
        var refused = await Should.ThrowAsync<RpcException>(async () => await store.Admin.ListQuarantineAsync(new ListQuarantineRequest { Limit = 1_001 }, cancellationToken: RunningStore.Cancelled));
        refused.Status.Detail.ShouldBe("limit: 1001 is too many; ask for at most 1000");
    }
}
