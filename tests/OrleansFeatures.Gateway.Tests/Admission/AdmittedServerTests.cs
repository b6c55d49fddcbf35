using System.Net;
using Grpc.Core;
using Grpc.Health.V1;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using OrleansFeatures.Gateway.Admission;
using OrleansFeatures.Gateway.Tests.Serving;
using OrleansFeatures.V1;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Admission;

public sealed class AdmittedServerTests
{
    [Fact]
    public async Task A_server_with_its_hands_full_refuses_lookups_over_every_transport_takes_pushes_and_says_that_it_is_well()
    {
        await using TroubledStore store = await TroubledStore.StartAsync(admission: new AdmissionLimits { Lookups = 1, ClientShare = 1 });
        var features = new FeatureService.FeatureServiceClient(store.Channel);
        var reading = new TaskCompletionSource();
        var held = new TaskCompletionSource();
        store.Host.BeforeNextRead = () =>
        {
            reading.SetResult();
            return held.Task;
        };
        using AsyncUnaryCall<GetFeaturesResponse> first = features.GetFeaturesAsync(Clicks.Ask("ada", 1, null, "user_stats:n"), cancellationToken: RunningStore.Cancelled);
        await reading.Task.WaitAsync(RunningStore.Cancelled);

        var refused = await Should.ThrowAsync<RpcException>(async () => await features.GetFeaturesAsync(Clicks.Ask("ada", 1, null, "user_stats:n"), cancellationToken: RunningStore.Cancelled));
        refused.StatusCode.ShouldBe(StatusCode.ResourceExhausted);
        refused.Status.Detail.ShouldStartWith("too many lookups are under way");
        refused.Trailers.GetValue("retry-after-ms").ShouldBe($"{Limits.RetryAfterMs}");
        using HttpResponseMessage rest = await store.Http.GetAsync("/features/v1/user/ada", RunningStore.Cancelled);
        rest.StatusCode.ShouldBe(HttpStatusCode.TooManyRequests);
        (await new IngestService.IngestServiceClient(store.Channel).PushAsync(Clicks.Columns(0, 5), cancellationToken: RunningStore.Cancelled)).Accepted.ShouldBe(5ul);
        (await new Grpc.Health.V1.Health.HealthClient(store.Channel).CheckAsync(new HealthCheckRequest(), cancellationToken: RunningStore.Cancelled)).Status
            .ShouldBe(HealthCheckResponse.Types.ServingStatus.Serving);
        (await store.Http.GetAsync("/readyz", RunningStore.Cancelled)).StatusCode.ShouldBe(HttpStatusCode.OK);

        held.SetResult();
        await first;
        await features.GetFeaturesAsync(Clicks.Ask("ada", 1, null, "user_stats:n"), cancellationToken: RunningStore.Cancelled);
    }

    [Fact]
    public async Task What_single_pushes_bring_is_counted_and_what_streams_bring_is_not()
    {
        await using TroubledStore store = await TroubledStore.StartAsync();
        var ingest = new IngestService.IngestServiceClient(store.Channel);
        IngestRoom room = store.Services.GetRequiredService<IngestRoom>();
        (await ingest.PushAsync(Clicks.Columns(0, 5), cancellationToken: RunningStore.Cancelled)).Accepted.ShouldBe(5ul);
        room.EventsRead.ShouldBe(5);
        using (AsyncDuplexStreamingCall<PushRequest, PushResponse> stream = ingest.PushStream(cancellationToken: RunningStore.Cancelled))
        {
            await stream.RequestStream.WriteAsync(Clicks.Columns(5, 3), RunningStore.Cancelled);
            (await stream.ResponseStream.MoveNext(RunningStore.Cancelled)).ShouldBeTrue();
            await stream.RequestStream.CompleteAsync();
        }

        room.EventsRead.ShouldBe(5);
    }

    /// <summary>A route that is spelled otherwise than admission knows it would never be shed, and nobody would notice.</summary>
    [Fact]
    public async Task Everything_that_brings_events_or_asks_for_features_may_be_shed_and_nothing_else()
    {
        await using TroubledStore store = await TroubledStore.StartAsync();
        string[] routes = [.. store.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>().Select(endpoint => endpoint.RoutePattern.RawText!)];
        routes.Length.ShouldBeGreaterThan(20);
        routes.Where(route => CallClasses.Of(route) == CallClass.Ingest).ShouldBe(
            ["/orleansfeatures.v1.IngestService/Push", "/orleansfeatures.v1.IngestService/PushStream", "/GrpcFeatureServer/Push", "/events/v1/{stream}", "/push"], ignoreOrder: true);
        string[] lookups = ["/orleansfeatures.v1.FeatureService/GetFeatures", "/orleansfeatures.v1.FeatureService/ObserveAndGet", "/get-online-features"];
        routes.Where(route => CallClasses.Of(route) == CallClass.Lookup).ShouldBe(
            [.. routes.Where(route => lookups.Contains(route) || route.EndsWith("/GetOnlineFeatures", StringComparison.Ordinal) || (route.StartsWith("/features/v1", StringComparison.Ordinal) && !route.Contains("explain", StringComparison.Ordinal)))], ignoreOrder: true);
    }
}
