using Grpc.Core;
using Grpc.Net.Client;
using Grpc.Tests.Kit;
using Grpc.Tests.Wire;
using Microsoft.Extensions.DependencyInjection;

namespace Grpc.Tests.Calls;

/// <summary>How calls end other than well: statuses, deadlines, cancellation from either side, limits, disposal.</summary>
public class EndingTests
{
    private static CallOptions Options => new(cancellationToken: Wait.Token);

    [Fact]
    public async Task A_status_and_its_trailers_reach_the_client_from_every_shape()
    {
        var refusal = new RpcException(new Status(StatusCode.FailedPrecondition, "nö"), new Metadata { { "grpc-status-details-bin", [1, 2] } });
        await using var server = await TestServer.StartAsync(new Probe()
            .OnUnary("U", (_, _) => throw refusal)
            .OnClientStreaming("C", (_, _) => throw refusal)
            .OnServerStreaming("S", async (_, responses, _) =>
            {
                await responses.WriteAsync([1]);
                throw refusal;
            })
            .OnDuplex("D", (_, _, _) => throw refusal));
        using var serverStream = server.Calls.AsyncServerStreamingCall(Probe.ServerStreaming("S"), null, Options, []);
        using var duplex = server.Calls.AsyncDuplexStreamingCall(Probe.Duplex("D"), null, Options);
        (await serverStream.ResponseStream.MoveNext(Wait.Token)).ShouldBeTrue();
        Func<Task>[] calls =
        [
            () => server.Calls.AsyncUnaryCall(Probe.Unary("U"), null, Options, []).ResponseAsync,
            () => server.Calls.AsyncClientStreamingCall(Probe.ClientStreaming("C"), null, Options).ResponseAsync,
            () => serverStream.ResponseStream.MoveNext(Wait.Token),
            () => duplex.ResponseStream.MoveNext(Wait.Token),
        ];
        foreach (var call in calls)
        {
            var received = await Should.ThrowAsync<RpcException>(() => Wait.For(call()));
            received.Status.StatusCode.ShouldBe(StatusCode.FailedPrecondition);
            received.Status.Detail.ShouldBe("nö");
            received.Trailers.GetValueBytes("grpc-status-details-bin").ShouldBe([1, 2]);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_handler_that_throws_is_unknown_is_logged_and_tells_no_more_than_allowed(bool detailed)
    {
        await using var server = await TestServer.StartAsync(
            new Probe().OnUnary("Throw", (_, _) => throw new FormatException("secret")),
            options => options.EnableDetailedErrors = detailed);

        var failure = await Should.ThrowAsync<RpcException>(() => server.Calls.AsyncUnaryCall(Probe.Unary("Throw"), null, Options, []).ResponseAsync);

        failure.StatusCode.ShouldBe(StatusCode.Unknown);
        failure.Status.Detail.Contains("secret", StringComparison.Ordinal).ShouldBe(detailed);
        server.Errors.TryDequeue(out string? logged).ShouldBeTrue();
        logged!.ShouldContain("secret");
    }

    [Theory]
    [InlineData("1440H", 60)]
    [InlineData("99999999S", 1157.4)]
    [InlineData("100m", 0.0001)]
    public async Task The_server_ends_a_call_at_its_deadline_also_beyond_49_days_and_under_a_handler_that_does_not_cooperate(string timeout, double days)
    {
        var time = new ManualTime();
        var entered = Wait.Signal<ServerCallContext>();
        var release = Wait.Signal();
        await using var server = await TestServer.StartAsync(
            new Probe().OnUnary("Sleep", async (request, context) =>
            {
                entered.SetResult(context);
                await release.Task;
                context.ResponseTrailers.Add("x-late", "never sent");
                return request;
            }),
            services: services => services.AddSingleton<TimeProvider>(time));

        var answer = Raw.PostAsync(server, "/test.Probe/Sleep", [0, 0, 0, 0, 0], headers: ("grpc-timeout", timeout));
        var context = await Wait.For(entered.Task);
        time.Advance(TimeSpan.FromDays(days) - TimeSpan.FromSeconds(days < 1 ? 8.6 : 60));
        answer.IsCompleted.ShouldBeFalse();
        context.CancellationToken.IsCancellationRequested.ShouldBeFalse();

        time.Advance(TimeSpan.FromDays(1));
        (await Wait.For(answer)).Status.ShouldBe(StatusCode.DeadlineExceeded);
        context.CancellationToken.IsCancellationRequested.ShouldBeTrue();
        release.SetResult();
    }

    [Fact]
    public async Task The_client_gives_up_at_its_deadline_and_the_server_learns_of_it()
    {
        var cancelled = Wait.Signal();
        await using var server = await TestServer.StartAsync(new Probe().OnDuplex("Sleep", async (requests, _, context) =>
        {
            await Should.ThrowAsync<OperationCanceledException>(() => requests.MoveNext());
            context.CancellationToken.IsCancellationRequested.ShouldBeTrue();
            cancelled.SetResult();
        }));
        using var call = server.Calls.AsyncDuplexStreamingCall(Probe.Duplex("Sleep"), null, new CallOptions(deadline: DateTime.UtcNow.AddSeconds(5)));

        var failure = await Should.ThrowAsync<RpcException>(() => Wait.For(call.ResponseStream.MoveNext(Wait.Token)));
        failure.StatusCode.ShouldBe(StatusCode.DeadlineExceeded);
        await Wait.For(cancelled.Task);
        (await Should.ThrowAsync<RpcException>(() => call.RequestStream.WriteAsync([1], Wait.Token))).StatusCode.ShouldBe(StatusCode.DeadlineExceeded);
        call.GetStatus().StatusCode.ShouldBe(StatusCode.DeadlineExceeded);
    }

    [Fact]
    public async Task A_deadline_that_has_passed_fails_the_call_before_it_is_sent()
    {
        var reached = false;
        await using var server = await TestServer.StartAsync(new Probe().OnUnary("Echo", (request, _) =>
        {
            reached = true;
            return Task.FromResult(request);
        }));
        var failure = await Should.ThrowAsync<RpcException>(() =>
            server.Calls.AsyncUnaryCall(Probe.Unary("Echo"), null, new CallOptions(deadline: DateTime.UtcNow.AddSeconds(-1)), []).ResponseAsync);
        failure.StatusCode.ShouldBe(StatusCode.DeadlineExceeded);
        reached.ShouldBeFalse();
    }

    [Theory]
    [InlineData("token")]
    [InlineData("dispose")]
    [InlineData("read token")]
    [InlineData("channel")]
    public async Task A_client_that_cancels_in_mid_stream_ends_the_call_on_both_sides(string how)
    {
        var ended = Wait.Signal<Exception>();
        await using var server = await TestServer.StartAsync(new Probe().OnDuplex("Feed", async (requests, responses, context) =>
        {
            try
            {
                await requests.MoveNext();
                await responses.WriteAsync([1]);
                await requests.MoveNext();
            }
            catch (Exception exception)
            {
                ended.SetResult(exception);
                throw;
            }
        }));
        using var source = new CancellationTokenSource();
        using var readSource = new CancellationTokenSource();
        var channel = server.NewChannel();
        using var call = channel.CreateCallInvoker().AsyncDuplexStreamingCall(Probe.Duplex("Feed"), null, new CallOptions(cancellationToken: source.Token));
        await call.RequestStream.WriteAsync([1], Wait.Token);
        (await call.ResponseStream.MoveNext(Wait.Token)).ShouldBeTrue();
        Task<bool> pending = call.ResponseStream.MoveNext(readSource.Token);

        switch (how)
        {
            case "token": await source.CancelAsync(); break;
            case "dispose": call.Dispose(); break;
            case "read token": await readSource.CancelAsync(); break;
            case "channel": channel.Dispose(); break;
        }

        (await Should.ThrowAsync<RpcException>(() => Wait.For(pending))).StatusCode.ShouldBe(StatusCode.Cancelled);
        call.GetStatus().StatusCode.ShouldBe(StatusCode.Cancelled);
        (await Should.ThrowAsync<RpcException>(() => call.RequestStream.WriteAsync([2], Wait.Token))).StatusCode.ShouldBe(StatusCode.Cancelled);
        (await Wait.For(ended.Task)).ShouldBeAssignableTo<OperationCanceledException>();
    }

    [Fact]
    public async Task A_unary_handler_sees_its_client_go()
    {
        var entered = Wait.Signal();
        var gone = Wait.Signal();
        await using var server = await TestServer.StartAsync(new Probe().OnUnary("Sleep", async (request, context) =>
        {
            using var registration = context.CancellationToken.Register(() => gone.SetResult());
            entered.SetResult();
            await gone.Task;
            context.CancellationToken.ThrowIfCancellationRequested();
            return request;
        }));
        using var call = server.Calls.AsyncUnaryCall(Probe.Unary("Sleep"), null, default, []);
        await Wait.For(entered.Task);
        call.Dispose();
        await Wait.For(gone.Task);
        (await Should.ThrowAsync<RpcException>(() => call.ResponseAsync)).StatusCode.ShouldBe(StatusCode.Cancelled);
    }

    [Fact]
    public async Task Limits_hold_on_both_sides_in_both_directions()
    {
        await using var server = await TestServer.StartAsync(
            new Probe().WithEchoes().OnUnary("Grow", (request, _) => Task.FromResult(new byte[request[0] * 100])),
            options => (options.MaxReceiveMessageSize, options.MaxSendMessageSize) = (1000, 2000));
        var small = server.NewChannel(new GrpcChannelOptions { MaxSendMessageSize = 500, MaxReceiveMessageSize = 600 }).CreateCallInvoker();
        (CallInvoker Calls, string Method, byte[] Request, string Says)[] refused =
        [
            (server.Calls, "Echo", new byte[1001], "MaxReceiveMessageSize is 1000"),
            (server.Calls, "Grow", [21], "MaxSendMessageSize is 2000"),
            (small, "Echo", new byte[501], "MaxSendMessageSize is 500"),
            (small, "Grow", [7], "MaxReceiveMessageSize is 600"),
        ];
        foreach (var (calls, method, request, says) in refused)
        {
            var failure = await Should.ThrowAsync<RpcException>(() => Wait.For(calls.AsyncUnaryCall(Probe.Unary(method), null, Options, request).ResponseAsync));
            failure.StatusCode.ShouldBe(StatusCode.ResourceExhausted, says);
            failure.Status.Detail.ShouldContain(says);
        }

        (await server.Calls.AsyncUnaryCall(Probe.Unary("Echo"), null, Options, new byte[1000])).Length.ShouldBe(1000);
        (await small.AsyncUnaryCall(Probe.Unary("Grow"), null, Options, [6])).Length.ShouldBe(600);
    }

    [Fact]
    public async Task A_server_that_is_not_there_is_unavailable()
    {
        var server = await TestServer.StartAsync(new Probe().WithEchoes());
        using var channel = GrpcChannel.ForAddress(server.Address);
        await server.DisposeAsync();
        var failure = await Should.ThrowAsync<RpcException>(() => Wait.For(channel.CreateCallInvoker().AsyncUnaryCall(Probe.Unary("Echo"), null, default, []).ResponseAsync));
        failure.StatusCode.ShouldBe(StatusCode.Unavailable);
    }

    [Fact]
    public async Task Status_and_trailers_of_a_running_call_are_refused()
    {
        await using var server = await TestServer.StartAsync(new Probe().WithEchoes());
        using var call = server.Calls.AsyncDuplexStreamingCall(Probe.Duplex("EchoAll"), null, Options);
        Should.Throw<InvalidOperationException>(() => call.GetStatus());
        Should.Throw<InvalidOperationException>(() => call.GetTrailers());
    }
}
