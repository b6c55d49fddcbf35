using Grpc.Core;
using Grpc.Net.Client;
using OrleansFeatures.V1;

namespace OrleansFeatures.Server.Load.Traffic;

/// <summary>Several connections to one store, as its many clients would have, taken in turn. Safe for concurrent use.</summary>
internal sealed class StoreConnections : IDisposable
{
    private readonly Connection[] _connections;
    private readonly TimeSpan _timeout;
    private uint _turn;

    public StoreConnections(string server, int count, TimeSpan timeout)
    {
        _connections = [.. Enumerable.Range(0, count).Select(_ => new Connection(server))];
        _timeout = timeout;
    }

    public Connection Next() => _connections[Interlocked.Increment(ref _turn) % (uint)_connections.Length];

    /// <summary>Options of one call: its deadline, and the token that abandons it.</summary>
    public CallOptions Call(CancellationToken abandoned) => new(deadline: DateTime.UtcNow + _timeout, cancellationToken: abandoned);

    public void Dispose()
    {
        foreach (Connection connection in _connections)
        {
            connection.Dispose();
        }
    }

    internal sealed class Connection : IDisposable
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
