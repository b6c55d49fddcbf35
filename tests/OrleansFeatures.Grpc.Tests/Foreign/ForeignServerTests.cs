using System.Diagnostics;
using System.Globalization;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Grpc.Tests.Interop;
using Grpc.Tests.Kit;

namespace Grpc.Tests.Foreign;

/// <summary>gRPC's public interoperability cases, by their names, of our client against servers that we did not write.</summary>
public abstract class ForeignServerTests : IAsyncLifetime
{
    private const string EchoInitial = "x-grpc-test-echo-initial";
    private const string EchoTrailing = "x-grpc-test-echo-trailing-bin";

    private Process? _process;
    private GrpcChannel _channel = null!;
    private TestService.TestServiceClient _client = null!;

    private static Metadata Echoes => new() { { EchoInitial, "test_initial_metadata_value" }, { EchoTrailing, [0xab, 0xab, 0xab] } };

    private static SimpleRequest Large => new() { ResponseSize = 314159, Payload = Zeros(271828) };

    public async ValueTask InitializeAsync()
    {
        _process = StartOrSkip();
        _process.ErrorDataReceived += (_, _) => { };
        _process.BeginErrorReadLine();
        string line = await Wait.For(_process.StandardOutput.ReadLineAsync(Wait.Token).AsTask()) ?? "nothing";
        line.ShouldStartWith("port ");
        _channel = GrpcChannel.ForAddress(new UriBuilder("http", "127.0.0.1", int.Parse(line[5..], CultureInfo.InvariantCulture)).Uri);
        _client = new TestService.TestServiceClient(_channel);
    }

    public async ValueTask DisposeAsync()
    {
        _channel?.Dispose();
        if (_process is not null)
        {
            // The programs end with their input.
            _process.StandardInput.Close();
            await Wait.For(_process.WaitForExitAsync(CancellationToken.None));
            _process.Dispose();
        }
    }

    [Fact]
    public async Task Empty_unary() => (await _client.EmptyCallAsync(new Empty(), cancellationToken: Wait.Token)).ShouldBe(new Empty());

    [Fact]
    public async Task Large_unary()
    {
        SimpleResponse response = await Wait.For(_client.UnaryCallAsync(Large).ResponseAsync);
        response.Payload.ShouldBe(Zeros(314159));
    }

    [Fact]
    public async Task Client_compressed_unary_and_streaming()
    {
        var gzip = new Metadata { { "grpc-internal-encoding-request", "gzip" } };
        (await Wait.For(_client.UnaryCallAsync(Large, gzip).ResponseAsync)).Payload.ShouldBe(Zeros(314159));

        using var call = _client.StreamingInputCall(gzip);
        await call.RequestStream.WriteAsync(new StreamingInputCallRequest { Payload = Zeros(27182) }, Wait.Token);
        call.RequestStream.WriteOptions = new WriteOptions(WriteFlags.NoCompress);
        await call.RequestStream.WriteAsync(new StreamingInputCallRequest { Payload = Zeros(45904) }, Wait.Token);
        await call.RequestStream.CompleteAsync();
        (await Wait.For(call.ResponseAsync)).AggregatedPayloadSize.ShouldBe(73086);
    }

    [Fact]
    public async Task Client_streaming()
    {
        using var call = _client.StreamingInputCall(cancellationToken: Wait.Token);
        foreach (int size in new[] { 27182, 8, 1828, 45904 })
        {
            await call.RequestStream.WriteAsync(new StreamingInputCallRequest { Payload = Zeros(size) }, Wait.Token);
        }

        await call.RequestStream.CompleteAsync();
        (await Wait.For(call.ResponseAsync)).AggregatedPayloadSize.ShouldBe(74922);
    }

    [Fact]
    public async Task Server_streaming()
    {
        int[] sizes = [31415, 9, 2653, 58979];
        var request = new StreamingOutputCallRequest();
        request.ResponseParameters.AddRange(sizes.Select(size => new ResponseParameters { Size = size }));
        using var call = _client.StreamingOutputCall(request, cancellationToken: Wait.Token);
        foreach (int size in sizes)
        {
            (await call.ResponseStream.MoveNext(Wait.Token)).ShouldBeTrue();
            call.ResponseStream.Current.Payload.ShouldBe(Zeros(size));
        }

        (await call.ResponseStream.MoveNext(Wait.Token)).ShouldBeFalse();
    }

    [Fact]
    public async Task Ping_pong()
    {
        using var call = _client.FullDuplexCall(cancellationToken: Wait.Token);
        foreach (var (size, sent) in new[] { (31415, 27182), (9, 8), (2653, 1828), (58979, 45904) })
        {
            await call.RequestStream.WriteAsync(Output(size, sent), Wait.Token);
            (await call.ResponseStream.MoveNext(Wait.Token)).ShouldBeTrue();
            call.ResponseStream.Current.Payload.ShouldBe(Zeros(size));
        }

        await call.RequestStream.CompleteAsync();
        (await call.ResponseStream.MoveNext(Wait.Token)).ShouldBeFalse();
    }

    [Fact]
    public async Task Empty_stream()
    {
        using var call = _client.FullDuplexCall(cancellationToken: Wait.Token);
        await call.RequestStream.CompleteAsync();
        (await call.ResponseStream.MoveNext(Wait.Token)).ShouldBeFalse();
        call.GetStatus().StatusCode.ShouldBe(StatusCode.OK);
    }

    [Theory]
    [InlineData("test status message")]
    [InlineData("\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n")]
    public async Task Status_code_and_message_and_special_status_message(string message)
    {
        var status = new EchoStatus { Code = 2, Message = message };
        using var duplex = _client.FullDuplexCall(cancellationToken: Wait.Token);
        await duplex.RequestStream.WriteAsync(new StreamingOutputCallRequest { ResponseStatus = status }, Wait.Token);
        await duplex.RequestStream.CompleteAsync();
        foreach (var call in new Func<Task>[]
        {
            () => _client.UnaryCallAsync(new SimpleRequest { ResponseStatus = status }).ResponseAsync,
            () => duplex.ResponseStream.MoveNext(Wait.Token),
        })
        {
            var failure = await Should.ThrowAsync<RpcException>(() => Wait.For(call()));
            failure.StatusCode.ShouldBe(StatusCode.Unknown);
            failure.Status.Detail.ShouldBe(message);
        }
    }

    [Fact]
    public async Task Unimplemented_method_and_service()
    {
        (await Should.ThrowAsync<RpcException>(() => Wait.For(_client.UnimplementedCallAsync(new Empty()).ResponseAsync))).StatusCode.ShouldBe(StatusCode.Unimplemented);
        var unserved = new UnimplementedService.UnimplementedServiceClient(_channel);
        (await Should.ThrowAsync<RpcException>(() => Wait.For(unserved.UnimplementedCallAsync(new Empty()).ResponseAsync))).StatusCode.ShouldBe(StatusCode.Unimplemented);
    }

    [Fact]
    public async Task Custom_metadata()
    {
        using var unary = _client.UnaryCallAsync(Large, Echoes);
        await Wait.For(unary.ResponseAsync);
        HasEchoes(await Wait.For(unary.ResponseHeadersAsync), unary.GetTrailers());

        using var duplex = _client.FullDuplexCall(Echoes);
        await duplex.RequestStream.WriteAsync(Output(314159, 271828), Wait.Token);
        await duplex.RequestStream.CompleteAsync();
        while (await duplex.ResponseStream.MoveNext(Wait.Token))
        {
            duplex.ResponseStream.Current.Payload.Body.Length.ShouldBe(314159);
        }

        HasEchoes(await Wait.For(duplex.ResponseHeadersAsync), duplex.GetTrailers());
    }

    [Fact]
    public async Task Cancel_after_begin()
    {
        using var source = new CancellationTokenSource();
        using var call = _client.StreamingInputCall(cancellationToken: source.Token);
        await source.CancelAsync();
        (await Should.ThrowAsync<RpcException>(() => Wait.For(call.ResponseAsync))).StatusCode.ShouldBe(StatusCode.Cancelled);
    }

    [Fact]
    public async Task Cancel_after_first_response()
    {
        using var source = new CancellationTokenSource();
        using var call = _client.FullDuplexCall(cancellationToken: source.Token);
        await call.RequestStream.WriteAsync(Output(31415, 27182), Wait.Token);
        (await call.ResponseStream.MoveNext(Wait.Token)).ShouldBeTrue();
        await source.CancelAsync();
        (await Should.ThrowAsync<RpcException>(() => Wait.For(call.ResponseStream.MoveNext(Wait.Token)))).StatusCode.ShouldBe(StatusCode.Cancelled);
    }

    [Fact]
    public async Task Timeout_on_sleeping_server()
    {
        using var call = _client.FullDuplexCall(deadline: DateTime.UtcNow.AddMilliseconds(1));
        (await Should.ThrowAsync<RpcException>(() => Wait.For(call.ResponseStream.MoveNext(Wait.Token)))).StatusCode.ShouldBe(StatusCode.DeadlineExceeded);
    }

    private protected abstract Process StartOrSkip();

    private static Payload Zeros(int size) => new() { Body = ByteString.CopyFrom(new byte[size]) };

    private static StreamingOutputCallRequest Output(int size, int sent)
    {
        var request = new StreamingOutputCallRequest { Payload = Zeros(sent) };
        request.ResponseParameters.Add(new ResponseParameters { Size = size });
        return request;
    }

    private static void HasEchoes(Metadata headers, Metadata trailers)
    {
        headers.GetValue(EchoInitial).ShouldBe("test_initial_metadata_value");
        trailers.GetValueBytes(EchoTrailing).ShouldBe([0xab, 0xab, 0xab]);
    }
}

/// <summary>Against grpc-js.</summary>
public sealed class GrpcJsServerTests : ForeignServerTests
{
    private protected override Process StartOrSkip()
    {
        ForeignProgram.SkipWithoutNode();
        return ForeignProgram.Start("node", "server.mjs", ForeignProgram.Protos);
    }
}

/// <summary>Against python3-grpcio, which is grpc's C core.</summary>
public sealed class PythonServerTests : ForeignServerTests
{
    private protected override Process StartOrSkip()
    {
        ForeignProgram.SkipWithoutPython();
        return ForeignProgram.Start(ForeignProgram.Python, "-u", "server.py");
    }
}
