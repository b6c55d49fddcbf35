using Grpc.Core;
using OrleansFeatures.Gateway.Tests.Serving;
using OrleansFeatures.V1;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Serve;

public sealed class ObserveAndGetTests
{
    [Fact]
    public async Task The_answer_includes_the_event_and_is_the_same_when_the_call_is_repeated()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        await store.Ingest.PushAsync(Clicks.Rows(Clicks.Row(1, 1), Clicks.Row(2, 2), Clicks.Row(9, 9)), cancellationToken: RunningStore.Cancelled);
        ObserveAndGetRequest request = Observe(Clicks.Row(3, 3, amount: 10));
        ObserveAndGetResponse first = await store.Features.ObserveAndGetAsync(request, cancellationToken: RunningStore.Cancelled);
        first.Result.ShouldBe(EventResult.Accepted);
        first.Features.Rows.Int64S[0].ShouldBe(3, "as of the event's own time, so without the later one");
        first.Features.Rows.Doubles[0].ShouldBe(12);
        first.Token.Partitions.ShouldNotBeEmpty();
        ObserveAndGetResponse again = await store.Features.ObserveAndGetAsync(request, cancellationToken: RunningStore.Cancelled);
        again.Result.ShouldBe(EventResult.Duplicate);
        again.Features.Rows.ShouldBe(first.Features.Rows);
        again.Features.States.ShouldBe(first.Features.States);
    }

    [Fact]
    public async Task A_refused_event_comes_back_with_its_refusal_and_no_features()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        ObserveAndGetRequest request = Observe(Clicks.Row(1, 1));
        request.Event.Values[4] = Clicks.Of("abc");
        ObserveAndGetResponse response = await store.Features.ObserveAndGetAsync(request, cancellationToken: RunningStore.Cancelled);
        (response.Result, response.Features, response.Refusal.Field, response.Refusal.Fix).ShouldBe((EventResult.Quarantined, null, "amount", "send a number"));
        (await store.Admin.ListQuarantineAsync(new ListQuarantineRequest(), cancellationToken: RunningStore.Cancelled)).Total.ShouldBe(1ul);
    }

    [Fact]
    public async Task A_call_that_cannot_be_answered_appends_nothing()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        ObserveAndGetRequest request = Observe(Clicks.Row(1, 1));
        request.What = Clicks.Service("al");
        (await Should.ThrowAsync<RpcException>(async () => await store.Features.ObserveAndGetAsync(request, cancellationToken: RunningStore.Cancelled))).StatusCode.ShouldBe(StatusCode.NotFound);
        request.What = Clicks.Service("all");
        request.Keys.Add(Clicks.Keys("user", "eve"));
        var refused = await Should.ThrowAsync<RpcException>(async () => await store.Features.ObserveAndGetAsync(request, cancellationToken: RunningStore.Cancelled));
        refused.Status.Detail.ShouldBe("keys.user: the event itself carries this field; leave it out of `keys`");
        request.Keys.Clear();
        request.Event = null;
        (await Should.ThrowAsync<RpcException>(async () => await store.Features.ObserveAndGetAsync(request, cancellationToken: RunningStore.Cancelled))).Status.Detail.ShouldStartWith("event: there is no event");
        PushResponse after = await store.Ingest.PushAsync(Clicks.Rows(Clicks.Row(1, 1)), cancellationToken: RunningStore.Cancelled);
        after.Accepted.ShouldBe(1ul);
    }

    private static ObserveAndGetRequest Observe(EventRow row) => new() { Stream = "clicks", Event = row, What = Clicks.Service("all") };
}
