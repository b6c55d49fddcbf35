using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OrleansFeatures.Gateway.Health;
using Shouldly;
using Xunit;
using static Grpc.Health.V1.HealthCheckResponse.Types;

namespace OrleansFeatures.Gateway.Tests.Health;

/// <summary>The health service through the real transport, on a free loopback port.</summary>
public sealed class HealthServiceImplTests : IAsyncLifetime
{
    private readonly HealthServiceImpl _health = new();
    private WebApplication _app = null!;
    private GrpcChannel _channel = null!;
    private Grpc.Health.V1.Health.HealthClient _client = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(System.Net.IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        builder.Services.AddGrpc();
        builder.Services.AddSingleton(_health);
        _app = builder.Build();
        _app.MapGrpcService<HealthServiceImpl>();
        await _app.StartAsync(Token);
        _channel = GrpcChannel.ForAddress(_app.Urls.Single());
        _client = new Grpc.Health.V1.Health.HealthClient(_channel);
    }

    public async ValueTask DisposeAsync()
    {
        _channel.Dispose();
        await _app.DisposeAsync();
    }

    [Fact]
    public async Task Check_answers_the_status_set_last()
    {
        _health.SetStatus("", ServingStatus.Serving);
        (await CheckAsync("")).ShouldBe(ServingStatus.Serving);

        _health.SetStatus("", ServingStatus.NotServing);
        (await CheckAsync("")).ShouldBe(ServingStatus.NotServing);
    }

    [Fact]
    public async Task Check_of_an_unknown_service_is_not_found_and_names_it()
    {
        var refusal = await Should.ThrowAsync<RpcException>(() => CheckAsync("no.such.Service"));

        refusal.StatusCode.ShouldBe(StatusCode.NotFound);
        refusal.Status.Detail.ShouldContain("no.such.Service");
    }

    [Fact]
    public async Task Watch_tells_each_change_starting_with_service_unknown()
    {
        using var watch = _client.Watch(new HealthCheckRequest { Service = "a.B" }, cancellationToken: Token);
        (await NextAsync(watch)).ShouldBe(ServingStatus.ServiceUnknown);

        _health.SetStatus("a.B", ServingStatus.Serving);
        (await NextAsync(watch)).ShouldBe(ServingStatus.Serving);

        // A change of another service and a repetition are not told: the next answer is the real change.
        _health.SetStatus("other", ServingStatus.Serving);
        _health.SetStatus("a.B", ServingStatus.Serving);
        _health.SetStatus("a.B", ServingStatus.NotServing);
        (await NextAsync(watch)).ShouldBe(ServingStatus.NotServing);
    }

    [Fact]
    public async Task Stopping_tells_watchers_not_serving_and_ends_their_streams()
    {
        _health.SetStatus("", ServingStatus.Serving);
        using var watch = _client.Watch(new HealthCheckRequest(), cancellationToken: Token);
        (await NextAsync(watch)).ShouldBe(ServingStatus.Serving);

        _health.Stop();

        (await NextAsync(watch)).ShouldBe(ServingStatus.NotServing);
        var end = await Should.ThrowAsync<RpcException>(() => watch.ResponseStream.MoveNext(Token));
        end.StatusCode.ShouldBe(StatusCode.Unavailable);
        _health.SetStatus("", ServingStatus.Serving);
        (await CheckAsync("")).ShouldBe(ServingStatus.NotServing, "a stopped server never serves again");
    }

    private static async Task<ServingStatus> NextAsync(AsyncServerStreamingCall<HealthCheckResponse> watch)
    {
        (await watch.ResponseStream.MoveNext(Token)).ShouldBeTrue("the watch ended early");
        return watch.ResponseStream.Current.Status;
    }

    private async Task<ServingStatus> CheckAsync(string service) =>
        (await _client.CheckAsync(new HealthCheckRequest { Service = service }, cancellationToken: Token)).Status;
}
