using Grpc.Core;

namespace Grpc.Net.Client;

/// <summary>Starts calls on a channel.</summary>
internal sealed class HttpCallInvoker(GrpcChannel channel) : CallInvoker
{
    public override TResponse BlockingUnaryCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) =>
        Start(method, host, options).UnaryAsync(request).GetAwaiter().GetResult();

    public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
    {
        var call = Start(method, host, options);
        return new AsyncUnaryCall<TResponse>(call.UnaryAsync(request), ClientCall.Headers, ClientCall.Status, ClientCall.Trailers, ClientCall.Abandon, call);
    }

    public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
    {
        var call = Start(method, host, options);
        call.StartServerStreaming(request);
        return new AsyncServerStreamingCall<TResponse>(call.Responses, ClientCall.Headers, ClientCall.Status, ClientCall.Trailers, ClientCall.Abandon, call);
    }

    public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options)
    {
        var call = Start(method, host, options);
        var response = call.ClientStreamingAsync(out var requests);
        return new AsyncClientStreamingCall<TRequest, TResponse>(requests, response, ClientCall.Headers, ClientCall.Status, ClientCall.Trailers, ClientCall.Abandon, call);
    }

    public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options)
    {
        var call = Start(method, host, options);
        call.StartDuplex(out var requests);
        return new AsyncDuplexStreamingCall<TRequest, TResponse>(requests, call.Responses, ClientCall.Headers, ClientCall.Status, ClientCall.Trailers, ClientCall.Abandon, call);
    }

    private ClientCall<TRequest, TResponse> Start<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options)
        where TRequest : class
        where TResponse : class
    {
        ObjectDisposedException.ThrowIf(channel.Disposed.IsCancellationRequested, channel);
        return new ClientCall<TRequest, TResponse>(channel, method, host, options);
    }
}
