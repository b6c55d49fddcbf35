using Grpc.Core;
using Grpc.Server;
using Microsoft.AspNetCore.Routing;

// The official package's namespace, not this folder's: a host that swaps the packages keeps its usings.
namespace Microsoft.AspNetCore.Builder;

/// <summary>Maps gRPC services to their paths.</summary>
public static class GrpcEndpointRouteBuilderExtensions
{
    /// <summary>
    /// Serves a class that derives from a generated service base. It is taken from the container, else made there, once: one instance
    /// answers every call, so it must be safe for concurrent use.
    /// </summary>
    public static GrpcServiceEndpointConventionBuilder MapGrpcService<TService>(this IEndpointRouteBuilder builder)
        where TService : class
    {
        ArgumentNullException.ThrowIfNull(builder);
        return new(Binding(builder).Map<TService>(builder));
    }

    /// <summary>Serves a definition, as generated <c>BindService(impl)</c> returns it.</summary>
    public static GrpcServiceEndpointConventionBuilder MapGrpcService(this IEndpointRouteBuilder builder, ServerServiceDefinition serviceDefinition)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(serviceDefinition);
        return new(Binding(builder).Map(builder, serviceDefinition));
    }

    private static ServiceBinding Binding(IEndpointRouteBuilder builder) =>
        builder.ServiceProvider.GetService<ServiceBinding>()
        ?? throw new InvalidOperationException("The gRPC server is not registered. Call services.AddGrpc() before the application is built.");
}

/// <summary>Conventions for all methods of a mapped service.</summary>
public sealed class GrpcServiceEndpointConventionBuilder : IEndpointConventionBuilder
{
    private readonly IReadOnlyList<IEndpointConventionBuilder> _endpoints;

    internal GrpcServiceEndpointConventionBuilder(IReadOnlyList<IEndpointConventionBuilder> endpoints) => _endpoints = endpoints;

    public void Add(Action<EndpointBuilder> convention)
    {
        foreach (var endpoint in _endpoints)
        {
            endpoint.Add(convention);
        }
    }

    public void Finally(Action<EndpointBuilder> finallyConvention)
    {
        foreach (var endpoint in _endpoints)
        {
            endpoint.Finally(finallyConvention);
        }
    }
}
