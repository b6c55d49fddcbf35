using Grpc.Core;
using Grpc.Tests.Kit;

namespace Grpc.Tests.Calls;

public class HalfSentStreamTests
{
    [Theory]
    [InlineData("token", 20)]
    [InlineData("dispose", 20)]
    [InlineData("deadline", 1)]
    public async Task A_stream_that_its_client_abandons_never_looks_completed_to_the_server(string how, int rounds)
    {
        for (var round = 0; round < rounds; round++)
        {
            var first = Wait.Signal();
            var end = Wait.Signal<bool>();
            await using var server = await TestServer.StartAsync(new Probe().OnClientStreaming("Collect", async (requests, _) =>
            {
                await requests.MoveNext();
                first.SetResult();
                try
                {
                    end.SetResult(await requests.MoveNext());
                }
                catch (OperationCanceledException gone)
                {
                    end.SetException(gone);
                }

                return [];
            }));
            using var source = new CancellationTokenSource();
            DateTime? deadline = how == "deadline" ? DateTime.UtcNow.AddSeconds(5) : null;
            using var call = server.Calls.AsyncClientStreamingCall(Probe.ClientStreaming("Collect"), null, new CallOptions(deadline: deadline, cancellationToken: source.Token));
            await call.RequestStream.WriteAsync([1], Wait.Token);
            await Wait.For(first.Task);
            switch (how)
            {
                case "token": await source.CancelAsync(); break;
                case "dispose": call.Dispose(); break;
            }

            await Should.ThrowAsync<OperationCanceledException>(() => Wait.For(end.Task));
            await Should.ThrowAsync<RpcException>(() => Wait.For(call.ResponseAsync));
        }
    }
}
