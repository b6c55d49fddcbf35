using Grpc.AspNetCore.Server;
using Grpc.Core;
using Microsoft.AspNetCore.Routing;

namespace Grpc.Server;

/// <summary>Makes one endpoint per method of a service that binds itself to this.</summary>
internal sealed class EndpointBinder(
    IEndpointRouteBuilder routes,
    Type serviceType,
    InterceptorChain interceptors,
    Func<IMethod, MethodSettings> settings) : ServiceBinderBase
{
    private readonly List<IEndpointConventionBuilder> _endpoints = [];
    private readonly HashSet<string> _serviceNames = [];

    public IReadOnlyList<IEndpointConventionBuilder> Endpoints => _endpoints;

    public IReadOnlyCollection<string> ServiceNames => _serviceNames;

    public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse>? handler) =>
        Map(method, new UnaryHandler<TRequest, TResponse>(method, settings(method), interceptors.Around(Bound(method, handler))));

    public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, ClientStreamingServerMethod<TRequest, TResponse>? handler) =>
        Map(method, new ClientStreamingHandler<TRequest, TResponse>(method, settings(method), interceptors.Around(Bound(method, handler))));

    public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse>? handler) =>
        Map(method, new ServerStreamingHandler<TRequest, TResponse>(method, settings(method), interceptors.Around(Bound(method, handler))));

    public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse>? handler) =>
        Map(method, new DuplexStreamingHandler<TRequest, TResponse>(method, settings(method), interceptors.Around(Bound(method, handler))));

    private static THandler Bound<THandler>(IMethod method, THandler? handler)
        where THandler : class => handler ?? throw new InvalidOperationException($"{method.FullName} was bound without a service instance.");

    private void Map<TRequest, TResponse>(Method<TRequest, TResponse> method, CallHandler<TRequest, TResponse> handler)
        where TRequest : class
        where TResponse : class
    {
        _serviceNames.Add(method.ServiceName);
        _endpoints.Add(routes.MapPost(method.FullName, handler.HandleAsync)
            .WithDisplayName($"gRPC - {method.FullName}")
            .WithMetadata(new GrpcMethodMetadata(serviceType, method)));
    }
}
