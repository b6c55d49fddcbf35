using System.Buffers;
using System.Collections.Concurrent;
using System.Net;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Grpc.Tests.Server;

/// <summary>A call that its client, its deadline or the shutdown ends leaves nothing behind: no error in the log, no request that never returns.</summary>
public sealed class EarlyEndTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private static readonly Marshaller<byte[]> Bytes = Marshallers.Create<byte[]>(
        (message, context) =>
        {
            context.SetPayloadLength(message.Length);
            context.GetBufferWriter().Write(message);
            context.Complete();
        },
        context => context.PayloadAsNewBuffer());

    private static readonly Method<byte[], byte[]> Echo = new(MethodType.DuplexStreaming, "test.Early", "Echo", Bytes, Bytes);

    [Fact]
    public async Task A_stream_that_its_client_cancels_ends_as_cancelled_in_the_handler_and_logs_no_error()
    {
        await using var server = await Server.StartAsync();
        using var cancellation = new CancellationTokenSource();
        using (var call = await server.OpenedEchoAsync(new CallOptions(cancellationToken: cancellation.Token)))
        {
            await cancellation.CancelAsync();
            (await Should.ThrowAsync<RpcException>(() => call.ResponseStream.MoveNext(CancellationToken.None))).StatusCode.ShouldBe(StatusCode.Cancelled);
        }

        await server.HandlerEnded.Task.WaitAsync(Patience, TestContext.Current.CancellationToken);
        await server.StopAsync();
        server.Errors.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_stream_whose_deadline_passes_ends_its_handler_and_logs_no_error()
    {
        await using var server = await Server.StartAsync();
        using (var call = await server.OpenedEchoAsync(new CallOptions(deadline: DateTime.UtcNow.AddSeconds(6))))
        {
            (await Should.ThrowAsync<RpcException>(() => call.ResponseStream.MoveNext(CancellationToken.None))).StatusCode.ShouldBe(StatusCode.DeadlineExceeded);
        }

        await server.HandlerEnded.Task.WaitAsync(Patience, TestContext.Current.CancellationToken);
        await server.StopAsync();
        server.Errors.ShouldBeEmpty();
    }

    [Fact]
    public async Task An_idle_stream_is_ended_with_unavailable_after_the_grace_and_then_the_server_stops()
    {
        await using var server = await Server.StartAsync();
        using var call = await server.OpenedEchoAsync(new CallOptions());

        var stopping = server.StopAsync();
        (await Should.ThrowAsync<RpcException>(() => call.ResponseStream.MoveNext(CancellationToken.None))).StatusCode.ShouldBe(StatusCode.Unavailable);

        // The shutdown time is 40 s, so within the patience only a request that returned lets the server stop.
        await stopping.WaitAsync(Patience, TestContext.Current.CancellationToken);
        server.Errors.ShouldBeEmpty();
    }

    private sealed class Server : IAsyncDisposable, ILoggerProvider, ILogger
    {
        private readonly WebApplication _app;
        private GrpcChannel? _channel;

        private Server()
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders().AddProvider(this);
            builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
            builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = 2 * Patience);
            builder.Services.AddGrpc();
            _app = builder.Build();
            _app.MapGrpcService(ServerServiceDefinition.CreateBuilder().AddMethod(Echo, EchoAsync).Build());
        }

        public ConcurrentQueue<string> Errors { get; } = new();

        public TaskCompletionSource HandlerEnded { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public static async Task<Server> StartAsync()
        {
            var server = new Server();
            await server._app.StartAsync();
            server._channel = GrpcChannel.ForAddress(server._app.Urls.Single());
            return server;
        }

        /// <summary>A call that has exchanged one message, so that its handler runs and waits for the next.</summary>
        public async Task<AsyncDuplexStreamingCall<byte[], byte[]>> OpenedEchoAsync(CallOptions options)
        {
            var call = _channel!.CreateCallInvoker().AsyncDuplexStreamingCall(Echo, null, options);
            await call.RequestStream.WriteAsync([1]);
            (await call.ResponseStream.MoveNext(CancellationToken.None)).ShouldBeTrue();
            return call;
        }

        public Task StopAsync() => _app.StopAsync();

        public async ValueTask DisposeAsync()
        {
            _channel?.Dispose();
            await _app.DisposeAsync();
        }

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                Errors.Enqueue($"{formatter(state, exception)} {exception}");
            }
        }

        void IDisposable.Dispose()
        {
        }

        private async Task EchoAsync(IAsyncStreamReader<byte[]> requests, IServerStreamWriter<byte[]> responses, ServerCallContext context)
        {
            try
            {
                while (await requests.MoveNext(CancellationToken.None))
                {
                    await responses.WriteAsync(requests.Current);
                }
            }
            finally
            {
                HandlerEnded.TrySetResult();
            }
        }
    }
}
