using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using OrleansFeatures.Server.Load;
using OrleansFeatures.V1;

namespace OrleansFeatures.Benchmarks.Serving.Overload;

/// <summary>
/// Lookups of many rows over a fixed number of connections, as most gRPC clients make them: what finds no room on its connection waits in the client. Messages go out as bytes and come back as bytes, so that the client costs a
/// fraction of what the server does and can offer ten times what that can answer. Any thread.
/// </summary>
internal sealed class Flood : ILoadTarget, IDisposable
{
    private static readonly Marshaller<byte[]> Bytes = new(static bytes => bytes, static bytes => bytes);
    private static readonly Method<byte[], byte[]> Lookup = new(MethodType.Unary, FeatureService.Descriptor.FullName, "GetFeatures", Bytes, Bytes);

    private readonly GrpcChannel[] _channels;
    private readonly CallInvoker[] _invokers;
    private readonly byte[][] _requests;
    private readonly TimeSpan _patience;
    private int _next;

    public Flood(string address, int connections, IEnumerable<GetFeaturesRequest> requests, TimeSpan patience, bool grows = false)
    {
        _channels = [.. Enumerable.Range(0, connections).Select(_ => GrpcChannel.ForAddress(address, new GrpcChannelOptions
        {
            HttpHandler = new SocketsHttpHandler { EnableMultipleHttp2Connections = grows },
            DisposeHttpClient = true,
            MaxReceiveMessageSize = null,
        }))];
        _invokers = [.. _channels.Select(channel => channel.CreateCallInvoker())];
        _requests = [.. requests.Select(request => request.ToByteArray())];
        _patience = patience;
    }

    public async Task<LoadOutcome> SendAsync(CancellationToken abandoned)
    {
        uint next = (uint)Interlocked.Increment(ref _next);
        try
        {
            var options = new CallOptions(deadline: DateTime.UtcNow + _patience, cancellationToken: abandoned);
            using AsyncUnaryCall<byte[]> call = _invokers[next % (uint)_invokers.Length].AsyncUnaryCall(Lookup, null, options, _requests[next % (uint)_requests.Length]);
            await call.ResponseAsync.ConfigureAwait(false);
            return LoadOutcome.Answered;
        }
        catch (RpcException refused)
        {
            return new LoadOutcome(refused.StatusCode == StatusCode.DeadlineExceeded ? LoadOutcome.DeadlineExceeded : refused.StatusCode.ToString(), refused.Status.Detail);
        }
    }

    public void Dispose()
    {
        foreach (GrpcChannel channel in _channels)
        {
            channel.Dispose();
        }
    }
}
