using System.Text.Json;
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
    public async Task An_entitys_memory_is_told_part_by_part()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        PushResponse pushed = await store.Ingest.PushAsync(Clicks.Columns(0, 500), cancellationToken: RunningStore.Cancelled);
        await store.Features.GetFeaturesAsync(Clicks.Ask("ada", 1, pushed.Token, "user_stats:n"), cancellationToken: RunningStore.Cancelled);
        GetEntityResponse ada = await store.Admin.GetEntityAsync(new GetEntityRequest { Entity = "user", Key = { "ada" } }, cancellationToken: RunningStore.Cancelled);
        (ada.Found, ada.Events, ada.SummedEvents, ada.ExactSinceMicros).ShouldBe((true, 500ul, 0ul, long.MinValue));
        ada.RowBytes.ShouldBeInRange(500ul * 8, 500ul * 200);
        ada.TotalBytes.ShouldBe(ada.RowBytes + ada.TextBytes + ada.SummaryBytes + ada.DirectoryBytes + ada.OverheadBytes);
        ada.BudgetBytes.ShouldBe((ulong)Entities.Limits.EntityBudgetBytesDefault);
        (await store.Admin.GetEntityAsync(new GetEntityRequest { Entity = "user", Key = { "bob" } }, cancellationToken: RunningStore.Cancelled)).Found.ShouldBeFalse();

        GetStatusResponse status = await store.Admin.GetStatusAsync(new GetStatusRequest(), cancellationToken: RunningStore.Cancelled);
        status.Memory.RowBytes.ShouldBeGreaterThanOrEqualTo(ada.RowBytes);
        status.Memory.BudgetBytes.ShouldBeGreaterThan(0ul);
        status.Partitions[(int)ada.Partition].MemoryBytes.ShouldBeGreaterThanOrEqualTo(ada.RowBytes);
        status.Partitions.Aggregate(0ul, (sum, partition) => sum + partition.MemoryBytes)
            .ShouldBe(status.Memory.RowBytes + status.Memory.TextBytes + status.Memory.SummaryBytes + status.Memory.EntityOverheadBytes);
    }

    [Theory]
    [InlineData("usr", new[] { "ada" }, "entity: there is no entity 'usr'; did you mean 'user'?")]
    [InlineData("pair", new[] { "ada" }, "key: 1 values for the key of pair; give one text for each of user, shop")]
    [InlineData("shop", new[] { "x" }, "keys.shop: row 0: 'x' is not an int64")]
    public async Task An_entity_that_cannot_be_is_refused_with_the_fix(string entity, string[] key, string message)
    {
        await using RunningStore store = await RunningStore.StartAsync();
        var refused = await Should.ThrowAsync<RpcException>(async () => await store.Admin.GetEntityAsync(new GetEntityRequest { Entity = entity, Key = { key } }, cancellationToken: RunningStore.Cancelled));
        refused.Status.Detail.ShouldStartWith(message);
    }

    [Fact]
    public async Task An_entity_over_its_budget_sums_up_its_oldest_events_and_says_so_in_every_value()
    {
        await using RunningStore store = await RunningStore.StartAsync(entityBudgetBytes: 512 * 1024);
        ConsistencyToken token = new();
        for (int batch = 0; batch < 20; batch++)
        {
            token = (await store.Ingest.PushAsync(Clicks.Columns(batch * 2_000, 2_000), cancellationToken: RunningStore.Cancelled)).Token;
        }

        // The window begins 55 s into a hop of a minute that is summed up.
        GetFeaturesRequest ask = Clicks.Ask("ada", 86_400 + 10_015, token, "user_stats:n", "shop_stats:n");
        ask.Keys.Add(Clicks.Keys("shop", 1));
        GetFeaturesResponse read = await store.Features.GetFeaturesAsync(ask, cancellationToken: RunningStore.Cancelled);
        read.Rows.Int64S[0].ShouldBeInRange(40_000 - 10_016 - 60, 40_000 - 10_016 + 60);
        read.Rows.Statuses.ToByteArray().ShouldBe([(byte)FeatureStatus.Approximate, (byte)FeatureStatus.Present]);
        read.Columns[0].HopMicros.ShouldBe(60 * Clicks.Second);

        GetEntityResponse ada = await store.Admin.GetEntityAsync(new GetEntityRequest { Entity = "user", Key = { "ada" } }, cancellationToken: RunningStore.Cancelled);
        ada.SummedEvents.ShouldBeGreaterThan(0ul);
        (ada.Events + ada.SummedEvents).ShouldBe(40_000ul);
        ada.RowBytes.ShouldBeLessThanOrEqualTo(ada.BudgetBytes);
        ada.ExactSinceMicros.ShouldBeGreaterThan(Clicks.Midnight);
        (await store.Admin.GetStatusAsync(new GetStatusRequest(), cancellationToken: RunningStore.Cancelled)).Memory.Compactions.ShouldBeGreaterThan(0ul);
        using JsonDocument rest = JsonDocument.Parse(await store.Http.GetStringAsync("/features/v1/user/ada?as_of=2018-04-02T02:46:55Z", RunningStore.Cancelled));
        rest.RootElement.GetProperty("statuses").GetProperty("user_stats:n").GetString().ShouldBe("APPROXIMATE");
        rest.RootElement.GetProperty("hops").GetProperty("user_stats:n").GetString().ShouldBe("1m");
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
