using System.Collections.Concurrent;
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

namespace OrleansFeatures.Server.Tests.Commands;

/// <summary>A store that only pretends, on a real port: it does to a client on purpose what a real one does only when something breaks.</summary>
internal sealed class FakeStore : IAsyncDisposable
{
    private readonly WebApplication _application;

    private FakeStore(WebApplication application) => _application = application;

    public string Address => _application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();

    public static async Task<FakeStore> StartAsync(FakeIngest ingest, FakeFeatures? features = null, FakeAdmin? admin = null)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        builder.Services.AddGrpc();
        builder.Services.AddSingleton(ingest);
        builder.Services.AddSingleton(features ?? new FakeFeatures());
        builder.Services.AddSingleton(admin ?? new FakeAdmin());
        WebApplication application = builder.Build();
        application.MapGrpcService<FakeIngest>();
        application.MapGrpcService<FakeFeatures>();
        application.MapGrpcService<FakeAdmin>();
        await application.StartAsync();
        return new FakeStore(application);
    }

    public ValueTask DisposeAsync() => _application.DisposeAsync();
}

internal sealed class FakeIngest : IngestService.IngestServiceBase
{
    private int _batches;

    /// <summary>Every batch that arrived, in order, repeats included.</summary>
    public ConcurrentQueue<PushRequest> Received { get; } = new();

    /// <summary>Called for each batch with its number from 1 over all streams; what it throws ends the stream.</summary>
    public Func<int, PushRequest, PushResponse> Answer { get; set; } = (_, request) => Accept(request);

    public static PushResponse Accept(PushRequest request) => new() { Sequence = request.Sequence, Accepted = (ulong)CountOf(request) };

    public static int CountOf(PushRequest request) =>
        request.EventsCase == PushRequest.EventsOneofCase.Columns ? (int)request.Columns.Count : request.Rows.Rows.Count;

    public override async Task PushStream(IAsyncStreamReader<PushRequest> requestStream, IServerStreamWriter<PushResponse> responseStream, ServerCallContext context)
    {
        while (await requestStream.MoveNext(context.CancellationToken))
        {
            PushRequest request = requestStream.Current;
            Received.Enqueue(request);
            await responseStream.WriteAsync(Answer(++_batches, request));
        }
    }
}

internal sealed class FakeFeatures : FeatureService.FeatureServiceBase
{
    /// <summary>The known_at of every row that came; empty when the requests had none.</summary>
    public List<long> KnownAt { get; } = [];

    /// <summary>The context of every message that came.</summary>
    public List<ContextColumn> Context { get; } = [];

    /// <summary>What ends the call after its first message, if anything.</summary>
    public Status? FailWith { get; set; }

    public override async Task GetTrainingFeatures(IAsyncStreamReader<TrainingRequest> requestStream, IServerStreamWriter<TrainingResponse> responseStream, ServerCallContext context)
    {
        var asOf = new List<long>();
        while (await requestStream.MoveNext(context.CancellationToken))
        {
            if (FailWith is { } status)
            {
                throw new RpcException(status);
            }

            // A progress message for every message in: a client that only writes would sooner or later be stuck.
            asOf.AddRange(requestStream.Current.AsOfMicros);
            KnownAt.AddRange(requestStream.Current.KnownAtMicros);
            Context.AddRange(requestStream.Current.Context);
            await responseStream.WriteAsync(new TrainingResponse { LogRecordsRead = (ulong)asOf.Count, LogRecordsTotal = 1_000_000 });
        }

        bool first = true;
        foreach (long[] chunk in asOf.Chunk(777))
        {
            var answer = new TrainingResponse { Rows = new FeatureRows { RowCount = (uint)chunk.Length } };
            if (first)
            {
                answer.Columns.Add(new FeatureColumn { Name = "spend:n", Type = FieldType.Int64, Lane = Lane.Int64, LaneIndex = 0 });
                answer.Columns.Add(new FeatureColumn { Name = "spend:mean", Type = FieldType.Double, Lane = Lane.Double, LaneIndex = 0 });
                answer.Columns.Add(new FeatureColumn { Name = "spend:last", Type = FieldType.String, Lane = Lane.List, LaneIndex = 0 });
                first = false;
            }

            var statuses = new byte[chunk.Length * 3];
            for (int row = 0; row < chunk.Length; row++)
            {
                answer.Rows.Int64S.Add(chunk[row]);
                answer.Rows.Doubles.Add(0.1 + row);
                answer.Rows.Lists.Add(new ListValue { Values = { new Value { String = "a,\"b\"" }, new Value { Double = 0.3 }, new Value() } });
                statuses.AsSpan(row * 3, 3).Fill((byte)FeatureStatus.Present);
                statuses[(row * 3) + 1] = (byte)(chunk[row] % 2 == 0 ? FeatureStatus.NullValue : FeatureStatus.Present);
            }

            answer.Rows.Statuses = Google.Protobuf.ByteString.CopyFrom(statuses);
            await responseStream.WriteAsync(answer);
        }
    }
}
