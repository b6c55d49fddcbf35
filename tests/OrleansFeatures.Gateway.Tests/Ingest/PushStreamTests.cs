using Grpc.Core;
using OrleansFeatures.Gateway.Tests.Serving;
using OrleansFeatures.V1;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Ingest;

public sealed class PushStreamTests
{
    private const int Batches = 200;

    [Fact]
    public async Task Batches_are_acknowledged_in_order_and_half_close_drains_them()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        using var call = store.Ingest.PushStream(cancellationToken: RunningStore.Cancelled);
        Task sending = SendAsync(call.RequestStream);
        var sequences = new List<ulong>();
        ulong accepted = 0;
        ConsistencyToken? token = null;
        while (await call.ResponseStream.MoveNext(RunningStore.Cancelled))
        {
            sequences.Add(call.ResponseStream.Current.Sequence);
            accepted += call.ResponseStream.Current.Accepted;
            token = call.ResponseStream.Current.Token;
        }

        await sending;
        sequences.ShouldBe(Enumerable.Range(0, Batches).Select(number => (ulong)number));
        accepted.ShouldBe(Batches * 50ul);
        GetFeaturesResponse features = await store.Features.GetFeaturesAsync(Clicks.Ask("ada", Batches * 50, token, "user_stats:n"), cancellationToken: RunningStore.Cancelled);
        features.Rows.Int64S.ShouldBe([Batches * 50]);
    }

    [Fact]
    public async Task A_broken_batch_ends_the_stream_after_the_acknowledgements_of_those_before_it()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        using var call = store.Ingest.PushStream(cancellationToken: RunningStore.Cancelled);
        await call.RequestStream.WriteAsync(Numbered(1, Clicks.Columns(0, 5)), RunningStore.Cancelled);
        await call.RequestStream.WriteAsync(Numbered(2, Clicks.Columns(5, 5)), RunningStore.Cancelled);
        PushRequest broken = Numbered(3, Clicks.Columns(10, 5));
        broken.Stream = "click";
        await call.RequestStream.WriteLastAsync(broken);
        var acknowledged = new List<ulong>();
        var ended = await Should.ThrowAsync<RpcException>(async () =>
        {
            while (await call.ResponseStream.MoveNext(RunningStore.Cancelled))
            {
                acknowledged.Add(call.ResponseStream.Current.Sequence);
            }
        });
        acknowledged.ShouldBe([1ul, 2ul]);
        ended.StatusCode.ShouldBe(StatusCode.NotFound);
        ended.Status.Detail.ShouldContain("did you mean 'clicks'?");
    }

    [Fact]
    public async Task A_cancelled_stream_leaves_a_server_that_takes_the_same_events_again()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        using (var call = store.Ingest.PushStream(cancellationToken: RunningStore.Cancelled))
        {
            await call.RequestStream.WriteAsync(Numbered(1, Clicks.Columns(0, 5)), RunningStore.Cancelled);
            (await call.ResponseStream.MoveNext(RunningStore.Cancelled)).ShouldBeTrue();
            await call.RequestStream.WriteAsync(Numbered(2, Clicks.Columns(5, 5)), RunningStore.Cancelled);
        }

        PushResponse again = await store.Ingest.PushAsync(Clicks.Columns(0, 10), cancellationToken: RunningStore.Cancelled);
        (again.Accepted + again.Duplicates).ShouldBe(10ul);
        GetFeaturesResponse features = await store.Features.GetFeaturesAsync(
            new GetFeaturesRequest { What = Clicks.List("user_stats:n"), Keys = { Clicks.Keys("user", "ada") }, AsOfMicros = { Clicks.Midnight + (9 * Clicks.Second) }, MinToken = again.Token },
            cancellationToken: RunningStore.Cancelled);
        again.Duplicates.ShouldBeGreaterThanOrEqualTo(5ul);
        features.Rows.Int64S[0].ShouldBeGreaterThanOrEqualTo(5);
    }

    [Fact]
    public async Task A_stopping_server_ends_the_stream_with_unavailable_and_keeps_what_it_acknowledged()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        using var channel = store.Connect();
        using var call = new IngestService.IngestServiceClient(channel).PushStream(cancellationToken: RunningStore.Cancelled);
        await call.RequestStream.WriteAsync(Numbered(1, Clicks.Columns(0, 5)), RunningStore.Cancelled);
        (await call.ResponseStream.MoveNext(RunningStore.Cancelled)).ShouldBeTrue();
        Task restarting = store.RestartAsync();
        var ended = await Should.ThrowAsync<RpcException>(async () => await call.ResponseStream.MoveNext(RunningStore.Cancelled));
        ended.StatusCode.ShouldBe(StatusCode.Unavailable);
        await restarting;
        PushResponse again = await store.Ingest.PushAsync(Clicks.Columns(0, 5), cancellationToken: RunningStore.Cancelled);
        again.Duplicates.ShouldBe(5ul);
    }

    [Fact]
    public async Task Several_streams_at_once_with_the_same_events_count_each_once()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        ulong[] accepted = await Task.WhenAll(Enumerable.Range(0, 4).Select(async _ =>
        {
            using var channel = store.Connect();
            using var call = new IngestService.IngestServiceClient(channel).PushStream(cancellationToken: RunningStore.Cancelled);
            Task sending = SendAsync(call.RequestStream);
            ulong sum = 0;
            while (await call.ResponseStream.MoveNext(RunningStore.Cancelled))
            {
                sum += call.ResponseStream.Current.Accepted;
            }

            await sending;
            return sum;
        }));
        accepted.Aggregate((a, b) => a + b).ShouldBe(Batches * 50ul);
    }

    private static async Task SendAsync(IClientStreamWriter<PushRequest> requests)
    {
        for (int batch = 0; batch < Batches; batch++)
        {
            await requests.WriteAsync(Numbered((ulong)batch, Clicks.Columns(batch * 50, 50)), RunningStore.Cancelled);
        }

        await requests.CompleteAsync();
    }

    private static PushRequest Numbered(ulong sequence, PushRequest request)
    {
        request.Sequence = sequence;
        return request;
    }
}
