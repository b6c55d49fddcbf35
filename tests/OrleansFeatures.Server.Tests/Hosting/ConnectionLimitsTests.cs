using System.Net;
using System.Net.Sockets;
using OrleansFeatures.Gateway.Hosting;
using OrleansFeatures.Server.Hosting;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Server.Tests.Hosting;

public sealed class ConnectionLimitsTests : IDisposable
{
    /// <summary>Kestrel asks no more often than once a second.</summary>
    private static readonly TimeSpan Short = TimeSpan.FromSeconds(1);

    /// <summary>Only a connection that is never closed meets it.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(1_048_576, 16_384)]
    [InlineData(20_000, 16_384)]
    [InlineData(4_096, 3_072)]
    [InlineData(1_024, 256)]
    [InlineData(256, 64)]
    public void Connections_leave_files_to_the_log(long files, int connections) =>
        Math.Min(Gateway.Limits.ConnectionsMax, ConnectionLimits.ForConnections(files)).ShouldBe(connections);

    [Theory]
    [InlineData("grpc", "")]
    [InlineData("grpc", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r")]
    [InlineData("http", "")]
    [InlineData("http", "GET /readyz")]
    public async Task A_connection_that_does_not_finish_its_first_words_is_closed(string listener, string words)
    {
        await using EmbeddedServer server = await StartAsync(new ConnectionLimits { Greeting = Short });
        (await ConnectAndListenAsync(listener == "grpc" ? server.GrpcAddress : server.HttpAddress, System.Text.Encoding.ASCII.GetBytes(words))).ShouldBeEmpty();
    }

    [Fact]
    public async Task Headers_that_do_not_end_are_not_waited_for()
    {
        await using EmbeddedServer server = await StartAsync(new ConnectionLimits { RequestHeaders = Short });
        byte[] answer = await ConnectAndListenAsync(server.HttpAddress, "GET /readyz HTTP/1.1\r\nHost: here\r\nX-Half: "u8.ToArray());
        System.Text.Encoding.ASCII.GetString(answer).ShouldStartWith("HTTP/1.1 408");
    }

    [Fact]
    public async Task A_client_that_answers_no_ping_is_let_go()
    {
        await using EmbeddedServer server = await StartAsync(new ConnectionLimits { PingAfter = Short, PingAnswer = Short });

        // The preface and empty SETTINGS (RFC 9113, 3.4): a connection that is alive in every respect, but for its answers.
        byte[] heard = await ConnectAndListenAsync(server.GrpcAddress, [.. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, 0, 0, 0, 4, 0, 0, 0, 0, 0]);
        heard.ShouldNotBeEmpty();
    }

    private Task<EmbeddedServer> StartAsync(ConnectionLimits limits) => EmbeddedServer.StartAsync(
        new ServeOptions(_directory.File("data"), null, 0, 0) { Connections = limits }, TestContext.Current.CancellationToken);

    /// <summary>Says the words and returns all that is answered until the server closes the connection.</summary>
    private static async Task<byte[]> ConnectAndListenAsync(Uri server, byte[] words)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(Patience);
        await socket.ConnectAsync(IPAddress.Loopback, server.Port, patience.Token);
        await socket.SendAsync(words, patience.Token);
        using var heard = new MemoryStream();
        byte[] part = new byte[4_096];
        int read;
        while ((read = await socket.ReceiveAsync(part, patience.Token)) > 0)
        {
            heard.Write(part, 0, read);
        }

        return heard.ToArray();
    }
}
