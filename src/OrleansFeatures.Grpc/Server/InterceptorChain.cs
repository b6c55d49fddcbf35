using Grpc.Core;
using Grpc.Core.Interceptors;

namespace Grpc.Server;

/// <summary>Wraps a handler in its interceptors once, when it is mapped; a call then runs through plain delegates.</summary>
internal sealed class InterceptorChain(IReadOnlyList<Interceptor> outermostFirst)
{
    public UnaryServerMethod<TRequest, TResponse> Around<TRequest, TResponse>(UnaryServerMethod<TRequest, TResponse> handler)
        where TRequest : class
        where TResponse : class
    {
        foreach (var interceptor in outermostFirst.Reverse())
        {
            var inner = handler;
            handler = (request, context) => interceptor.UnaryServerHandler(request, context, inner);
        }

        return handler;
    }

    public ClientStreamingServerMethod<TRequest, TResponse> Around<TRequest, TResponse>(ClientStreamingServerMethod<TRequest, TResponse> handler)
        where TRequest : class
        where TResponse : class
    {
        foreach (var interceptor in outermostFirst.Reverse())
        {
            var inner = handler;
            handler = (requests, context) => interceptor.ClientStreamingServerHandler(requests, context, inner);
        }

        return handler;
    }

    public ServerStreamingServerMethod<TRequest, TResponse> Around<TRequest, TResponse>(ServerStreamingServerMethod<TRequest, TResponse> handler)
        where TRequest : class
        where TResponse : class
    {
        foreach (var interceptor in outermostFirst.Reverse())
        {
            var inner = handler;
            handler = (request, responses, context) => interceptor.ServerStreamingServerHandler(request, responses, context, inner);
        }

        return handler;
    }

    public DuplexStreamingServerMethod<TRequest, TResponse> Around<TRequest, TResponse>(DuplexStreamingServerMethod<TRequest, TResponse> handler)
        where TRequest : class
        where TResponse : class
    {
        foreach (var interceptor in outermostFirst.Reverse())
        {
            var inner = handler;
            handler = (requests, responses, context) => interceptor.DuplexStreamingServerHandler(requests, responses, context, inner);
        }

        return handler;
    }
}
