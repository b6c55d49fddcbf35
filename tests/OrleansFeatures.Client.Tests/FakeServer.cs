using System.Net;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OrleansFeatures.V1;

namespace OrleansFeatures.Client.Tests;

/// <summary>A server that does to a client on purpose what a real one does only when something breaks.</summary>
internal sealed class FakeServer : IAsyncDisposable
{
    private readonly WebApplication _app;

    private FakeServer(WebApplication app, FakeFeatures features, FakeIngest ingest)
    {
        (_app, Features, Ingest) = (app, features, ingest);
        Address = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());
    }

    public Uri Address { get; }

    public FakeFeatures Features { get; }

    public FakeIngest Ingest { get; }

    public static async Task<FakeServer> StartAsync(int port = 0)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, port, listen => listen.Protocols = HttpProtocols.Http2));
        var features = new FakeFeatures();
        var ingest = new FakeIngest();
        builder.Services.AddGrpc();
        builder.Services.AddSingleton(features);
        builder.Services.AddSingleton(ingest);
        WebApplication app = builder.Build();
        app.MapGrpcService<FakeFeatures>();
        app.MapGrpcService<FakeIngest>();
        await app.StartAsync();
        return new FakeServer(app, features, ingest);
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    /// <summary>What the store says when it is busy for the moment.</summary>
    public static RpcException Busy(int retryAfterMs) => new(new Status(StatusCode.ResourceExhausted, "busy"), new Metadata { { "retry-after-ms", $"{retryAfterMs}" } });
}

internal sealed class FakeFeatures : FeatureService.FeatureServiceBase
{
    private int _calls;

    public int Calls => Volatile.Read(ref _calls);

    /// <summary>The requests' headers, the newest call's.</summary>
    public Metadata? Headers { get; private set; }

    /// <summary>Given the number of the call, from 1 on.</summary>
    public Func<int, GetFeaturesRequest, ServerCallContext, Task<GetFeaturesResponse>> Answer { get; set; } = (_, _, _) => Task.FromResult(Count(0));

    public Func<int, SubscribeRequest, IServerStreamWriter<SubscribeResponse>, Task> Changes { get; set; } = (_, _, _) => Task.CompletedTask;

    public static GetFeaturesResponse Count(long count) => new()
    {
        Columns = { new FeatureColumn { Name = "v:n", Type = FieldType.Int64, Lane = Lane.Int64 } },
        Rows = new FeatureRows { RowCount = 1, Int64S = { count } },
    };

    public override Task<GetFeaturesResponse> GetFeatures(GetFeaturesRequest request, ServerCallContext context)
    {
        Headers = context.RequestHeaders;
        return Answer(Interlocked.Increment(ref _calls), request, context);
    }

    public override Task Subscribe(SubscribeRequest request, IServerStreamWriter<SubscribeResponse> responseStream, ServerCallContext context) =>
        Changes(Interlocked.Increment(ref _calls), request, responseStream);
}

internal sealed class FakeIngest : IngestService.IngestServiceBase
{
    private readonly List<ulong> _received = [];
    private int _batches;

    /// <summary>The sequences of every batch that came, repeats included.</summary>
    public ulong[] Received
    {
        get
        {
            lock (_received)
            {
                return [.. _received];
            }
        }
    }

    /// <summary>Given the number of the batch, from 1 on, over all streams; what it throws ends the stream.</summary>
    public Func<int, PushRequest, PushResponse> Answer { get; set; } = (_, request) => new PushResponse { Sequence = request.Sequence, Accepted = 1 };

    public override Task<PushResponse> Push(PushRequest request, ServerCallContext context) => Task.FromResult(Answer(Interlocked.Increment(ref _batches), request));

    public override async Task PushStream(IAsyncStreamReader<PushRequest> requestStream, IServerStreamWriter<PushResponse> responseStream, ServerCallContext context)
    {
        while (await requestStream.MoveNext(context.CancellationToken))
        {
            lock (_received)
            {
                _received.Add(requestStream.Current.Sequence);
            }

            await responseStream.WriteAsync(Answer(Interlocked.Increment(ref _batches), requestStream.Current));
        }
    }
}
