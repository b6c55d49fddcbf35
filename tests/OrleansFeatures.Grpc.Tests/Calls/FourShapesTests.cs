using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;
using Grpc.Tests.Kit;
using Microsoft.Extensions.DependencyInjection;

namespace Grpc.Tests.Calls;

/// <summary>Our client and our server, all goes well: shapes, metadata, compression, interceptors.</summary>
public class FourShapesTests
{
    [Theory]
    [InlineData("identity")]
    [InlineData("gzip")]
    [InlineData("deflate")]
    public async Task Every_shape_carries_its_messages(string coding)
    {
        await using var server = await TestServer.StartAsync(new Probe().WithEchoes(), options => options.ResponseCompressionAlgorithm = coding == "identity" ? null : coding);
        var options = new CallOptions(new Metadata { { "grpc-internal-encoding-request", coding } }, cancellationToken: Wait.Token);

        (await server.Calls.AsyncUnaryCall(Probe.Unary("Echo"), null, options, [1, 2])).ShouldBe([1, 2]);
        server.Calls.BlockingUnaryCall(Probe.Unary("Echo"), null, options, []).ShouldBe([]);

        using var repeat = server.Calls.AsyncServerStreamingCall(Probe.ServerStreaming("Repeat"), null, options, [3, 4, 5]);
        (await ReadAllAsync(repeat.ResponseStream)).ShouldBe([[3], [4], [5]]);
        repeat.GetStatus().StatusCode.ShouldBe(StatusCode.OK);

        using var join = server.Calls.AsyncClientStreamingCall(Probe.ClientStreaming("Join"), null, options);
        foreach (byte b in new byte[] { 6, 7 })
        {
            await join.RequestStream.WriteAsync([b], Wait.Token);
        }

        await join.RequestStream.CompleteAsync();
        (await join).ShouldBe([6, 7]);

        using var echo = server.Calls.AsyncDuplexStreamingCall(Probe.Duplex("EchoAll"), null, options);
        for (byte b = 0; b < 20; b++)
        {
            await echo.RequestStream.WriteAsync([b, b], Wait.Token);
            (await echo.ResponseStream.MoveNext(Wait.Token)).ShouldBeTrue();
            echo.ResponseStream.Current.ShouldBe([b, b]);
        }

        await echo.RequestStream.CompleteAsync();
        (await echo.ResponseStream.MoveNext(Wait.Token)).ShouldBeFalse();
    }

    [Fact]
    public async Task Headers_and_trailers_reach_the_other_side_text_and_bytes()
    {
        await using var server = await TestServer.StartAsync(new Probe().OnUnary("Echo", async (request, context) =>
        {
            await context.WriteResponseHeadersAsync(new Metadata { { "x-head", context.RequestHeaders.GetValue("x-text")! } });
            context.ResponseTrailers.Add("x-trail-bin", context.RequestHeaders.GetValueBytes("x-bytes-bin")!);
            context.ResponseTrailers.Add("x-twice", "a");
            context.ResponseTrailers.Add("x-twice", "b");
            return request;
        }));
        using var call = server.Calls.AsyncUnaryCall(Probe.Unary("Echo"), null, new CallOptions(new Metadata { { "x-text", "~ text !" }, { "x-bytes-bin", [0, 255, 10] } }), [1]);

        (await Wait.For(call.ResponseHeadersAsync)).GetValue("x-head").ShouldBe("~ text !");
        (await Wait.For(call.ResponseAsync)).ShouldBe([1]);
        call.GetTrailers().GetValueBytes("x-trail-bin").ShouldBe([0, 255, 10]);
        call.GetTrailers().GetAll("x-twice").Select(entry => entry.Value).ShouldBe(["a", "b"]);
    }

    [Fact]
    public async Task Interceptors_of_both_sides_stand_around_the_call_the_first_outermost()
    {
        var steps = new List<string>();
        await using var server = await TestServer.StartAsync(
            new Probe().OnUnary("Echo", (request, _) =>
            {
                steps.Add("handler");
                return Task.FromResult(request);
            }),
            options =>
            {
                options.Interceptors.Add<Recorder>("server 1");
                options.Interceptors.Add<Recorder>("server 2");
            },
            services: services => services.AddSingleton(steps));
        var calls = server.Channel.Intercept(new Recorder(steps, "client 1"), new Recorder(steps, "client 2"));

        (await calls.AsyncUnaryCall(Probe.Unary("Echo"), null, new CallOptions(cancellationToken: Wait.Token), [9])).ShouldBe([9]);
        steps.ShouldBe(["client 1", "client 2", "server 1", "server 2", "handler", "server 2 after", "server 1 after"]);
    }

    [Fact]
    public async Task More_calls_than_one_connection_has_streams_run_at_once()
    {
        const int calls = 250;
        var all = Wait.Signal();
        var inside = 0;
        await using var server = await TestServer.StartAsync(new Probe().OnUnary("Meet", async (request, _) =>
        {
            if (Interlocked.Increment(ref inside) == calls)
            {
                all.SetResult();
            }

            await all.Task;
            return request;
        }));

        byte[][] answers = await Wait.For(Task.WhenAll(Enumerable.Range(0, calls).Select(i => server.Calls.AsyncUnaryCall(Probe.Unary("Meet"), null, default, [(byte)i]).ResponseAsync)));
        answers.Select(answer => answer[0]).ShouldBe(Enumerable.Range(0, calls).Select(i => (byte)i));
    }

    [Fact]
    public async Task Messages_larger_than_the_flow_control_windows_pass_both_ways()
    {
        await using var server = await TestServer.StartAsync(new Probe().WithEchoes(), options => options.MaxReceiveMessageSize = 64 << 20);
        var channel = server.NewChannel(new GrpcChannelOptions { MaxReceiveMessageSize = 64 << 20 });
        var message = new byte[40 << 20];
        new Random(1).NextBytes(message);

        byte[] answer = await Wait.For(channel.CreateCallInvoker().AsyncUnaryCall(Probe.Unary("Echo"), null, default, message).ResponseAsync);
        answer.AsSpan().SequenceEqual(message).ShouldBeTrue();
    }

    private static async Task<List<byte[]>> ReadAllAsync(IAsyncStreamReader<byte[]> stream)
    {
        var messages = new List<byte[]>();
        await foreach (byte[] message in stream.ReadAllAsync(Wait.Token))
        {
            messages.Add(message);
        }

        return messages;
    }

    private sealed class Recorder(List<string> steps, string name) : Interceptor
    {
        public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(TRequest request, ClientInterceptorContext<TRequest, TResponse> context, AsyncUnaryCallContinuation<TRequest, TResponse> continuation)
        {
            steps.Add(name);
            return continuation(request, context);
        }

        public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
        {
            steps.Add(name);
            TResponse response = await continuation(request, context);
            steps.Add($"{name} after");
            return response;
        }
    }
}
