using Grpc.Core;
using Grpc.Health.V1;
using OrleansFeatures.Gateway.Tests.Serving;
using OrleansFeatures.Log;
using OrleansFeatures.Server.Hosting;
using OrleansFeatures.V1;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Hosting;

public sealed class EmbeddedServerTests
{
    [Fact]
    public async Task Definitions_given_at_start_stay_live_without_them()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        await store.RestartAsync(withDefinitions: true);
        await store.RestartAsync();
        ListDefinitionsResponse all = await store.Registry.ListAsync(new ListDefinitionsRequest { Kind = "stream" }, cancellationToken: RunningStore.Cancelled);
        all.Definitions.ShouldHaveSingleItem().Name.ShouldBe("clicks");
        Directory.Exists(Path.Combine(store.DataDirectory, "log")).ShouldBeTrue();
        File.Exists(Path.Combine(store.DataDirectory, "metadata.db")).ShouldBeTrue();
    }

    [Fact]
    public async Task Compatible_definitions_at_start_become_live()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        await store.Ingest.PushAsync(Clicks.Columns(0, 5), cancellationToken: RunningStore.Cancelled);
        store.WriteDefinitions(Definitions.Everything + "\n  - {name: more, version: 1, features: [\"shop_stats:n\"]}\n");
        await store.RestartAsync(withDefinitions: true);
        var request = new GetFeaturesRequest { What = Clicks.Service("more"), Keys = { Clicks.Keys("shop", 1) }, AsOfStreamTime = true };
        (await store.Features.GetFeaturesAsync(request, cancellationToken: RunningStore.Cancelled)).Rows.Int64S.ShouldBe([5]);
    }

    [Fact]
    public async Task Breaking_or_wrong_definitions_refuse_to_start_and_leave_the_store_usable()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        store.WriteDefinitions(Definitions.Everything.Replace("key: [shop]", "key: [user]", StringComparison.Ordinal));
        var refused = await Should.ThrowAsync<ServerStartException>(() => store.RestartAsync(withDefinitions: true));
        refused.Message.ShouldContain("entity shop: key shop -> user");
        store.WriteDefinitions("streams: 7");
        refused = await Should.ThrowAsync<ServerStartException>(() => store.RestartAsync(withDefinitions: true));
        refused.Message.ShouldContain("everything.yaml:1:");
        await store.RestartAsync();
        (await store.Ingest.PushAsync(Clicks.Columns(0, 5), cancellationToken: RunningStore.Cancelled)).Accepted.ShouldBe(5ul);
    }

    [Theory]
    [InlineData("")]
    [InlineData("orleansfeatures.v1.IngestService")]
    [InlineData("orleansfeatures.v1.FeatureService")]
    public async Task Health_says_serving_until_the_server_stops(string service)
    {
        await using RunningStore store = await RunningStore.StartAsync();
        using var channel = store.Connect();
        var health = new Grpc.Health.V1.Health.HealthClient(channel);
        (await health.CheckAsync(new HealthCheckRequest { Service = service }, cancellationToken: RunningStore.Cancelled)).Status.ShouldBe(HealthCheckResponse.Types.ServingStatus.Serving);
        using var watch = health.Watch(new HealthCheckRequest { Service = service }, cancellationToken: RunningStore.Cancelled);
        (await watch.ResponseStream.MoveNext(RunningStore.Cancelled)).ShouldBeTrue();
        Task restarting = store.RestartAsync();
        (await watch.ResponseStream.MoveNext(RunningStore.Cancelled)).ShouldBeTrue();
        watch.ResponseStream.Current.Status.ShouldBe(HealthCheckResponse.Types.ServingStatus.NotServing);
        await restarting;
    }

    [Fact]
    public async Task A_second_server_on_the_same_directory_is_refused()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        await Should.ThrowAsync<LogInUseException>(() => EmbeddedServer.StartAsync(new ServeOptions(store.DataDirectory, null, 0, 0), RunningStore.Cancelled));
    }

    [Fact]
    public async Task A_port_that_is_taken_fails_the_start_and_frees_the_directory()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        using var folder = new TemporaryFolder();
        await Should.ThrowAsync<IOException>(() => EmbeddedServer.StartAsync(new ServeOptions(folder.Path, null, store.Server.GrpcAddress.Port, 0), RunningStore.Cancelled));
        await using EmbeddedServer second = await EmbeddedServer.StartAsync(new ServeOptions(folder.Path, null, 0, 0), RunningStore.Cancelled);
        second.GrpcAddress.Port.ShouldNotBe(second.HttpAddress.Port);
    }
}
