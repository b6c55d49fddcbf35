using Grpc.Core;

namespace Grpc.Server;

/// <summary>One request, one response.</summary>
internal sealed class UnaryHandler<TRequest, TResponse>(Method<TRequest, TResponse> method, MethodSettings settings, UnaryServerMethod<TRequest, TResponse> handler)
    : CallHandler<TRequest, TResponse>(method, settings)
    where TRequest : class
    where TResponse : class
{
    protected override bool IsStreaming => false;

    protected override async Task<TResponse?> InvokeAsync(ServerCall call)
    {
        var request = await call.ReadOnlyAsync(Method.RequestMarshaller.ContextualDeserializer).ConfigureAwait(false);
        return await handler(request, call).ConfigureAwait(false) ?? throw NoResponse();
    }

    private static RpcException NoResponse() => new(new Status(StatusCode.Cancelled, "The handler returned no message."));
}

/// <summary>Many requests, one response.</summary>
internal sealed class ClientStreamingHandler<TRequest, TResponse>(Method<TRequest, TResponse> method, MethodSettings settings, ClientStreamingServerMethod<TRequest, TResponse> handler)
    : CallHandler<TRequest, TResponse>(method, settings)
    where TRequest : class
    where TResponse : class
{
    protected override bool IsStreaming => true;

    protected override async Task<TResponse?> InvokeAsync(ServerCall call)
    {
        var requests = new RequestStream<TRequest>(call, Method.RequestMarshaller.ContextualDeserializer);
        return await handler(requests, call).ConfigureAwait(false)
            ?? throw new RpcException(new Status(StatusCode.Cancelled, "The handler returned no message."));
    }
}

/// <summary>One request, many responses.</summary>
internal sealed class ServerStreamingHandler<TRequest, TResponse>(Method<TRequest, TResponse> method, MethodSettings settings, ServerStreamingServerMethod<TRequest, TResponse> handler)
    : CallHandler<TRequest, TResponse>(method, settings)
    where TRequest : class
    where TResponse : class
{
    protected override bool IsStreaming => true;

    protected override async Task<TResponse?> InvokeAsync(ServerCall call)
    {
        var request = await call.ReadOnlyAsync(Method.RequestMarshaller.ContextualDeserializer).ConfigureAwait(false);
        await handler(request, new ResponseStream<TResponse>(call, Method.ResponseMarshaller.ContextualSerializer), call).ConfigureAwait(false);
        return null;
    }
}

/// <summary>Two independent streams.</summary>
internal sealed class DuplexStreamingHandler<TRequest, TResponse>(Method<TRequest, TResponse> method, MethodSettings settings, DuplexStreamingServerMethod<TRequest, TResponse> handler)
    : CallHandler<TRequest, TResponse>(method, settings)
    where TRequest : class
    where TResponse : class
{
    protected override bool IsStreaming => true;

    protected override async Task<TResponse?> InvokeAsync(ServerCall call)
    {
        var requests = new RequestStream<TRequest>(call, Method.RequestMarshaller.ContextualDeserializer);
        var responses = new ResponseStream<TResponse>(call, Method.ResponseMarshaller.ContextualSerializer);
        await handler(requests, responses, call).ConfigureAwait(false);
        return null;
    }
}
