using Grpc.Core;
using Grpc.Net.Client;
using OrleansFeatures.V1;

namespace OrleansFeatures.Server.Load.Traffic;

/// <summary>Over gRPC: several connections to one store, as its many clients would have, taken in turn. Safe for concurrent use.</summary>
internal sealed class GrpcCalls : IStoreCalls
{
    private readonly Connection[] _connections;
    private readonly TimeSpan _timeout;
    private uint _turn;

    public GrpcCalls(string server, int count, TimeSpan timeout)
    {
        _connections = [.. Enumerable.Range(0, count).Select(_ => new Connection(server))];
        _timeout = timeout;
    }

    public string Transport => "gRPC";

    public int Connections => _connections.Length;

    public Func<CancellationToken, Task<LoadOutcome>> Ready(GetFeaturesRequest lookup) => abandoned => LookupAsync(lookup, abandoned);

    public async Task<LoadOutcome> ObserveAsync(ObserveAndGetRequest request, CancellationToken abandoned)
    {
        try
        {
            using AsyncUnaryCall<ObserveAndGetResponse> call = Next().Features.ObserveAndGetAsync(request, Options(abandoned));
            ObserveAndGetResponse answer = await call.ResponseAsync.ConfigureAwait(false);
            return answer.Result == EventResult.Accepted ? LoadOutcome.Answered : CallOutcome.NotAccepted($"{answer.Result}: {answer.Refusal?.Reason}");
        }
        catch (RpcException exception)
        {
            return CallOutcome.Of(exception);
        }
    }

    public async Task<(LoadOutcome Outcome, PushResponse? Answer)> PushAsync(PushRequest batch, CancellationToken abandoned)
    {
        try
        {
            using AsyncUnaryCall<PushResponse> call = Next().Ingest.PushAsync(batch, Options(abandoned));
            return (LoadOutcome.Answered, await call.ResponseAsync.ConfigureAwait(false));
        }
        catch (RpcException exception)
        {
            return (CallOutcome.Of(exception), null);
        }
    }

    public void Dispose()
    {
        foreach (Connection connection in _connections)
        {
            connection.Dispose();
        }
    }

    private async Task<LoadOutcome> LookupAsync(GetFeaturesRequest lookup, CancellationToken abandoned)
    {
        try
        {
            using AsyncUnaryCall<GetFeaturesResponse> call = Next().Features.GetFeaturesAsync(lookup, Options(abandoned));
            await call.ResponseAsync.ConfigureAwait(false);
            return LoadOutcome.Answered;
        }
        catch (RpcException exception)
        {
            return CallOutcome.Of(exception);
        }
    }

    private Connection Next() => _connections[Interlocked.Increment(ref _turn) % (uint)_connections.Length];

    private CallOptions Options(CancellationToken abandoned) => new(deadline: DateTime.UtcNow + _timeout, cancellationToken: abandoned);

    private sealed class Connection : IDisposable
    {
        private readonly GrpcChannel _channel;

        public Connection(string server)
        {
            _channel = GrpcChannel.ForAddress(server);
            Features = new FeatureService.FeatureServiceClient(_channel);
            Ingest = new IngestService.IngestServiceClient(_channel);
        }

        public FeatureService.FeatureServiceClient Features { get; }

        public IngestService.IngestServiceClient Ingest { get; }

        public void Dispose() => _channel.Dispose();
    }
}
