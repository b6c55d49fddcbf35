using System.Buffers;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Grpc.Core;
using Grpc.Net.Client;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Grpc.Tests.Client;

/// <summary>A server that dies is unavailable, at whatever moment: nobody who cancels anything is to blame, and a client may try again.</summary>
public sealed class LostConnectionTests
{
    /// <summary>Which task of the HTTP stack notices first is chance, so that one death could pass by luck.</summary>
    private const int Deaths = 20;

    private static readonly Method<string, string> Talk = new(MethodType.DuplexStreaming, "test.Lost", "Talk", Marshallers.StringMarshaller, Marshallers.StringMarshaller);

    [Fact]
    public async Task A_stream_whose_server_dies_before_it_answered_ends_as_unavailable()
    {
        for (int death = 0; death < Deaths; death++)
        {
            using var server = new TcpListener(IPAddress.Loopback, 0);
            server.Start();
            Task dies = DieAfterFirstRequestAsync(server);
            using var channel = GrpcChannel.ForAddress($"http://{server.LocalEndpoint}");
            using var call = channel.CreateCallInvoker().AsyncDuplexStreamingCall(Talk, null, new CallOptions(cancellationToken: TestContext.Current.CancellationToken));
            RpcException failure = await Should.ThrowAsync<RpcException>(() => call.ResponseStream.MoveNext(CancellationToken.None));
            failure.StatusCode.ShouldBe(StatusCode.Unavailable, $"death {death}: {failure.Status.Detail} {failure.Status.DebugException}");
            await dies;
        }
    }

    /// <summary>As much of an HTTP/2 server as a client needs to send its request: an empty SETTINGS frame. Then the connection is reset, as when the process is killed.</summary>
    private static async Task DieAfterFirstRequestAsync(TcpListener server)
    {
        using Socket connection = await server.AcceptSocketAsync(TestContext.Current.CancellationToken);
        byte[] settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
        await connection.SendAsync(settings, TestContext.Current.CancellationToken);
        byte[] buffer = new byte[4096];
        var seen = new ArrayBufferWriter<byte>();
        while (!Encoding.ASCII.GetString(seen.WrittenSpan).Contains("application/grpc", StringComparison.Ordinal))
        {
            int read = await connection.ReceiveAsync(buffer, TestContext.Current.CancellationToken);
            read.ShouldBeGreaterThan(0, "the client closed before it sent its request");
            seen.Write(buffer.AsSpan(0, read));
        }

        connection.LingerState = new LingerOption(true, 0);
    }
}
