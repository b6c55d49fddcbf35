using System.Net;
using Grpc.Core;
using Grpc.Health.V1;
using OrleansFeatures.Gateway.Tests.Serving;
using OrleansFeatures.Log;
using OrleansFeatures.V1;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Ingest;

public sealed class TroubleTests
{
    [Fact]
    public async Task A_full_store_refuses_a_single_push_with_a_hint_and_keeps_nothing_of_it()
    {
        await using TroubledStore store = await TroubledStore.StartAsync();
        var ingest = new IngestService.IngestServiceClient(store.Channel);
        store.Host.IsFull = true;
        var refused = await Should.ThrowAsync<RpcException>(async () => await ingest.PushAsync(Clicks.Columns(0, 5), cancellationToken: RunningStore.Cancelled));
        refused.StatusCode.ShouldBe(StatusCode.ResourceExhausted);
        int.Parse(refused.Trailers.GetValue("retry-after-ms")!, System.Globalization.CultureInfo.InvariantCulture).ShouldBe(Limits.RetryAfterMs);
        using HttpResponseMessage rest = await store.Http.PostAsync("/events/v1/clicks", new StringContent("{}"), RunningStore.Cancelled);
        rest.StatusCode.ShouldBe(HttpStatusCode.TooManyRequests);
        rest.Headers.RetryAfter.ShouldNotBeNull();
        store.Host.IsFull = false;
        (await ingest.PushAsync(Clicks.Columns(0, 5), cancellationToken: RunningStore.Cancelled)).Accepted.ShouldBe(5ul);
    }

    [Fact]
    public async Task A_full_disk_is_resource_exhausted_and_names_the_file()
    {
        await using TroubledStore store = await TroubledStore.StartAsync();
        store.Host.FailureOf = (_, _) => new LogFullException("segment-000000000001.log", 4_096);
        var refused = await Should.ThrowAsync<RpcException>(async () =>
            await new IngestService.IngestServiceClient(store.Channel).PushAsync(Clicks.Columns(0, 5), cancellationToken: RunningStore.Cancelled));
        refused.StatusCode.ShouldBe(StatusCode.ResourceExhausted);
        refused.Status.Detail.ShouldContain("segment-000000000001.log: no space left");
    }

    [Fact]
    public async Task A_failed_append_ends_the_stream_after_the_acknowledgements_before_it()
    {
        await using TroubledStore store = await TroubledStore.StartAsync();
        store.Host.FailureOf = (number, _) => number == 3 ? new LogPoisonedException("a write", LogSequence.None, new IOException("input/output error")) : null;
        using var call = new IngestService.IngestServiceClient(store.Channel).PushStream(cancellationToken: RunningStore.Cancelled);
        for (int batch = 0; batch < 3; batch++)
        {
            PushRequest request = Clicks.Columns(batch * 5, 5);
            request.Sequence = (ulong)batch;
            await call.RequestStream.WriteLastAsync(request);
        }

        List<ulong> acknowledged = [];
        var ended = await Should.ThrowAsync<RpcException>(async () =>
        {
            while (await call.ResponseStream.MoveNext(RunningStore.Cancelled))
            {
                acknowledged.Add(call.ResponseStream.Current.Sequence);
            }
        });
        acknowledged.ShouldBe([0ul, 1ul]);
        ended.StatusCode.ShouldBe(StatusCode.Unavailable);
        ended.Status.Detail.ShouldContain("input/output error");
        var health = new Grpc.Health.V1.Health.HealthClient(store.Channel);
        (await health.CheckAsync(new HealthCheckRequest { Service = IngestService.Descriptor.FullName }, cancellationToken: RunningStore.Cancelled)).Status
            .ShouldBe(HealthCheckResponse.Types.ServingStatus.NotServing);
        (await health.CheckAsync(new HealthCheckRequest { Service = FeatureService.Descriptor.FullName }, cancellationToken: RunningStore.Cancelled)).Status
            .ShouldBe(HealthCheckResponse.Types.ServingStatus.Serving, "reads go on");
        store.Host.FailureOf = (_, _) => null;
        PushResponse again = await new IngestService.IngestServiceClient(store.Channel).PushAsync(Clicks.Columns(0, 15), cancellationToken: RunningStore.Cancelled);
        (again.Duplicates, again.Accepted).ShouldBe((10ul, 5ul), "what was not acknowledged may be pushed again");
    }
}
