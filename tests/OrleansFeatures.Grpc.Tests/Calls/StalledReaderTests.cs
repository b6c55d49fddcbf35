using Grpc.Core;
using Grpc.Tests.Kit;
using Microsoft.Extensions.DependencyInjection;

namespace Grpc.Tests.Calls;

/// <summary>A client that keeps its stream and does not read it.</summary>
public class StalledReaderTests
{
    private static readonly byte[] Large = new byte[64 * 1024];

    [Fact]
    public async Task A_stream_that_its_client_does_not_read_is_reset_and_lets_its_handler_go()
    {
        var time = new ManualTime();
        var ended = Wait.Signal<Exception>();
        int written = 0;
        await using var server = await TestServer.StartAsync(
            new Probe().WithEchoes().OnServerStreaming("Pour", async (_, responses, _) =>
            {
                try
                {
                    while (true)
                    {
                        await responses.WriteAsync(Large);
                        Interlocked.Increment(ref written);
                    }
                }
                catch (OperationCanceledException stopped)
                {
                    ended.SetResult(stopped);
                    throw;
                }
            }),
            services: services => services.AddSingleton<TimeProvider>(time));
        using var call = server.Calls.AsyncServerStreamingCall(Probe.ServerStreaming("Pour"), null, default, []);

        // A write gets stuck sooner or later; when, is the client's buffers' affair.
        await Wait.For(Task.Run(
            async () =>
            {
                while (!ended.Task.IsCompleted)
                {
                    time.Advance(Limits.ResponseStallMax);
                    await Task.Yield();
                }
            },
            Wait.Token));

        written.ShouldBeLessThan(64, "64 messages are 4 MB: more than all buffers between a handler and a client that does not read");
        await Should.ThrowAsync<RpcException>(async () => await Wait.For(call.ResponseStream.ReadAllAsync(Wait.Token).CountAsync(Wait.Token).AsTask()));
        (await server.Calls.AsyncUnaryCall(Probe.Unary("Echo"), null, default, [1]).ResponseAsync).ShouldBe([1]);
    }

    [Fact]
    public async Task A_client_that_reads_slowly_gets_everything_however_long_it_takes()
    {
        const int Messages = 250;
        var time = new ManualTime();
        await using var server = await TestServer.StartAsync(
            new Probe().OnServerStreaming("Pour", async (request, responses, _) =>
            {
                foreach (byte b in request)
                {
                    await responses.WriteAsync(Large);
                }
            }),
            services: services => services.AddSingleton<TimeProvider>(time));
        using var call = server.Calls.AsyncServerStreamingCall(Probe.ServerStreaming("Pour"), null, default, new byte[Messages]);
        int read = 0;
        while (await Wait.For(call.ResponseStream.MoveNext(Wait.Token)))
        {
            read++;

            // While the server is about to write one, the client may read all that lies between them, which is less than 64 messages: that must not take as long as a stalled write may.
            time.Advance(Limits.ResponseStallMax / 100);
        }

        read.ShouldBe(Messages);
    }
}
