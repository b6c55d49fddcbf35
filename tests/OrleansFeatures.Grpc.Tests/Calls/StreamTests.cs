using Grpc.Core;
using Grpc.Tests.Kit;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace Grpc.Tests.Calls;

/// <summary>Streams over their lives: half-close order, slow readers, idleness, shutdown.</summary>
public class StreamTests
{
    private static CallOptions Options => new(cancellationToken: Wait.Token);

    [Fact]
    public async Task A_server_goes_on_after_the_client_has_half_closed()
    {
        await using var server = await TestServer.StartAsync(new Probe().OnDuplex("CountThenSend", async (requests, responses, _) =>
        {
            var count = 0;
            while (await requests.MoveNext())
            {
                count++;
            }

            for (var i = 0; i < count; i++)
            {
                await responses.WriteAsync([(byte)i]);
            }
        }));
        using var call = server.Calls.AsyncDuplexStreamingCall(Probe.Duplex("CountThenSend"), null, Options);
        for (var i = 0; i < 50; i++)
        {
            await call.RequestStream.WriteAsync([1], Wait.Token);
        }

        await call.RequestStream.CompleteAsync();
        var received = 0;
        while (await call.ResponseStream.MoveNext(Wait.Token))
        {
            call.ResponseStream.Current.ShouldBe([(byte)received++]);
        }

        received.ShouldBe(50);
        await Should.ThrowAsync<InvalidOperationException>(() => call.RequestStream.WriteAsync([1], Wait.Token));
    }

    [Fact]
    public async Task A_server_that_ends_first_ends_the_clients_writes_with_its_status()
    {
        await using var server = await TestServer.StartAsync(new Probe()
            .OnDuplex("Ok", (_, _, _) => Task.CompletedTask)
            .OnDuplex("Refuse", (_, _, _) => throw new RpcException(new Status(StatusCode.ResourceExhausted, "full"))));
        using var ok = server.Calls.AsyncDuplexStreamingCall(Probe.Duplex("Ok"), null, Options);
        (await ok.ResponseStream.MoveNext(Wait.Token)).ShouldBeFalse();
        (await Should.ThrowAsync<InvalidOperationException>(() => ok.RequestStream.WriteAsync([1], Wait.Token))).Message.ShouldContain("ended with OK");

        using var refused = server.Calls.AsyncDuplexStreamingCall(Probe.Duplex("Refuse"), null, Options);
        await Should.ThrowAsync<RpcException>(() => refused.ResponseStream.MoveNext(Wait.Token));
        (await Should.ThrowAsync<RpcException>(() => refused.RequestStream.WriteAsync([1], Wait.Token))).StatusCode.ShouldBe(StatusCode.ResourceExhausted);
    }

    [Fact]
    public async Task A_write_or_read_before_the_last_is_done_is_refused()
    {
        await using var server = await TestServer.StartAsync(new Probe().WithEchoes());
        using var call = server.Calls.AsyncDuplexStreamingCall(Probe.Duplex("EchoAll"), null, Options);
        Task<bool> first = call.ResponseStream.MoveNext(Wait.Token);
        await Should.ThrowAsync<InvalidOperationException>(() => call.ResponseStream.MoveNext(Wait.Token));
        await call.RequestStream.WriteAsync([5], Wait.Token);
        (await Wait.For(first)).ShouldBeTrue();
    }

    [Fact]
    public async Task A_client_that_does_not_read_stops_the_servers_writes_and_not_its_neighbours()
    {
        const int messageBytes = 64 * 1024;
        const int offered = 2_000;
        var written = 0;
        Task pending = Task.CompletedTask;
        await using var server = await TestServer.StartAsync(new Probe().WithEchoes().OnServerStreaming("Flood", async (_, responses, _) =>
        {
            var message = new byte[messageBytes];
            for (var i = 0; i < offered; i++)
            {
                pending = responses.WriteAsync(message);
                await pending;
                Interlocked.Increment(ref written);
            }
        }));
        using var flood = server.Calls.AsyncServerStreamingCall(Probe.ServerStreaming("Flood"), null, Options, []);
        await Wait.For(flood.ResponseHeadersAsync);

        // The write counts as stuck when neighbours on the same connection have made many round trips and it has not moved.
        int before;
        do
        {
            before = Volatile.Read(ref written);
            for (var i = 0; i < 100; i++)
            {
                await Wait.For(server.Calls.AsyncUnaryCall(Probe.Unary("Echo"), null, Options, [1]).ResponseAsync);
            }
        }
        while (Volatile.Read(ref written) != before);

        Volatile.Read(ref pending).IsCompleted.ShouldBeFalse("the server must wait for its reader");
        (before * (long)messageBytes).ShouldBeLessThan(20 << 20, "what is under way must stay within the HTTP/2 windows");

        var received = 0;
        while (await flood.ResponseStream.MoveNext(Wait.Token))
        {
            received++;
        }

        received.ShouldBe(offered);
    }

    [Fact]
    public async Task A_server_that_does_not_read_stops_the_clients_writes()
    {
        const int messageBytes = 64 * 1024;
        var release = Wait.Signal();
        await using var server = await TestServer.StartAsync(new Probe().WithEchoes().OnClientStreaming("Slow", async (requests, _) =>
        {
            await release.Task;
            var count = 0;
            while (await requests.MoveNext())
            {
                count++;
            }

            return BitConverter.GetBytes(count);
        }));
        using var call = server.Calls.AsyncClientStreamingCall(Probe.ClientStreaming("Slow"), null, Options);
        var written = 0;
        Task writing = Task.Run(
            async () =>
            {
                for (var i = 0; i < 1_000; i++)
                {
                    await call.RequestStream.WriteAsync(new byte[messageBytes], Wait.Token);
                    Interlocked.Increment(ref written);
                }

                await call.RequestStream.CompleteAsync();
            },
            Wait.Token);

        int before;
        do
        {
            before = Volatile.Read(ref written);
            for (var i = 0; i < 100; i++)
            {
                await Wait.For(server.Calls.AsyncUnaryCall(Probe.Unary("Echo"), null, Options, [1]).ResponseAsync);
            }
        }
        while (before == 0 || Volatile.Read(ref written) != before);

        writing.IsCompleted.ShouldBeFalse("the client must wait for the server");
        (before * (long)messageBytes).ShouldBeLessThan(20 << 20);
        release.SetResult();
        await Wait.For(writing);
        BitConverter.ToInt32(await Wait.For(call.ResponseAsync)).ShouldBe(1_000);
    }

    [Fact]
    public async Task An_idle_stream_stays_open_past_the_least_body_rate_which_still_ends_a_unary_call()
    {
        await using var server = await TestServer.StartAsync(
            new Probe().WithEchoes(),
            kestrel: kestrel => kestrel.Limits.MinRequestBodyDataRate = new MinDataRate(bytesPerSecond: 1000, gracePeriod: TimeSpan.FromSeconds(1.1)));
        using var idle = server.Calls.AsyncDuplexStreamingCall(Probe.Duplex("EchoAll"), null, Options);
        await idle.RequestStream.WriteAsync([1], Wait.Token);
        (await idle.ResponseStream.MoveNext(Wait.Token)).ShouldBeTrue();

        // On a connection of its own, a unary call whose body does not come: when Kestrel has ended that one, the rate would have ended the stream too.
        using var stalled = server.NewChannel().CreateCallInvoker().AsyncDuplexStreamingCall(Probe.Duplex("Echo"), null, Options);
        await stalled.RequestStream.WriteAsync([1], Wait.Token);
        await Should.ThrowAsync<RpcException>(() => Wait.For(stalled.ResponseStream.MoveNext(Wait.Token)));

        await idle.RequestStream.WriteAsync([2], Wait.Token);
        (await idle.ResponseStream.MoveNext(Wait.Token)).ShouldBeTrue("the idle stream must go on");
        idle.ResponseStream.Current.ShouldBe([2]);
    }

    [Fact]
    public async Task On_shutdown_unary_calls_finish_new_ones_are_refused_and_streams_end_after_the_grace()
    {
        var time = new ManualTime();
        var unaryInside = Wait.Signal();
        var release = Wait.Signal();
        var streamCancelled = Wait.Signal();
        await using var server = await TestServer.StartAsync(
            new Probe()
                .OnUnary("Sleep", async (request, _) =>
                {
                    unaryInside.SetResult();
                    await release.Task;
                    return request;
                })
                .OnDuplex("Open", async (requests, responses, context) =>
                {
                    await responses.WriteAsync([1]);
                    await Should.ThrowAsync<OperationCanceledException>(() => requests.MoveNext());
                    context.CancellationToken.IsCancellationRequested.ShouldBeTrue();
                    streamCancelled.SetResult();
                }),
            services: services => services.AddSingleton<TimeProvider>(time));
        Task<byte[]> unary = server.Calls.AsyncUnaryCall(Probe.Unary("Sleep"), null, Options, [4]).ResponseAsync;
        using var stream = server.Calls.AsyncDuplexStreamingCall(Probe.Duplex("Open"), null, Options);
        (await stream.ResponseStream.MoveNext(Wait.Token)).ShouldBeTrue();
        await Wait.For(unaryInside.Task);
        int timers = time.ArmedTimers;

        Task stopping = server.StopAsync();
        var refusal = await Should.ThrowAsync<RpcException>(() => Wait.For(server.Calls.AsyncUnaryCall(Probe.Unary("Sleep"), null, Options, []).ResponseAsync));
        refusal.StatusCode.ShouldBe(StatusCode.Unavailable);
        time.ArmedTimers.ShouldBe(timers + 1, "the grace runs");
        streamCancelled.Task.IsCompleted.ShouldBeFalse("the stream has its grace");

        time.Advance(Limits.DrainGrace + TimeSpan.FromSeconds(1));
        var end = await Should.ThrowAsync<RpcException>(() => Wait.For(stream.ResponseStream.MoveNext(Wait.Token)));
        end.StatusCode.ShouldBe(StatusCode.Unavailable);
        await Wait.For(streamCancelled.Task);

        release.SetResult();
        (await Wait.For(unary)).ShouldBe([4]);
        await Wait.For(stopping);
    }
}
