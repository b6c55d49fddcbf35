using System.Reflection;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Options;

namespace Grpc.Server;

/// <summary>
/// Finds what generated code left for a service class and binds it: reflection happens here, at mapping time, and nowhere else.
/// Interceptors are made once per registration and shared by all services.
/// </summary>
internal sealed class ServiceBinding(IServiceProvider services, IOptions<GrpcServiceOptions> options)
{
    private readonly Dictionary<InterceptorRegistration, Interceptor> _interceptors = [];
    private bool _unknownServicesMapped;

    public IReadOnlyList<IEndpointConventionBuilder> Map<TService>(IEndpointRouteBuilder routes)
        where TService : class
    {
        var service = services.GetService<TService>() ?? ActivatorUtilities.CreateInstance<TService>(services);
        var bind = BindMethodOf(typeof(TService));
        return Map(routes, typeof(TService), services.GetRequiredService<IOptions<GrpcServiceOptions<TService>>>().Value, binder => bind.Invoke(null, [binder, service]));
    }

    public IReadOnlyList<IEndpointConventionBuilder> Map(IEndpointRouteBuilder routes, ServerServiceDefinition definition) =>
        Map(routes, typeof(ServerServiceDefinition), null, definition.BindService);

    private static MethodInfo BindMethodOf(Type serviceType)
    {
        var attribute = serviceType.GetCustomAttribute<BindServiceMethodAttribute>(inherit: true)
            ?? throw new InvalidOperationException($"{serviceType} does not derive from a generated gRPC service base.");
        return attribute.BindType.GetMethods(BindingFlags.Static | BindingFlags.Public)
            .SingleOrDefault(method => method.Name == attribute.BindMethodName
                && method.GetParameters() is [{ } binder, { } service]
                && binder.ParameterType == typeof(ServiceBinderBase)
                && service.ParameterType.IsAssignableFrom(serviceType))
            ?? throw new InvalidOperationException($"{attribute.BindType} has no method {attribute.BindMethodName}(ServiceBinderBase, {serviceType.BaseType?.Name}).");
    }

    private IReadOnlyList<IEndpointConventionBuilder> Map(IEndpointRouteBuilder routes, Type serviceType, GrpcServiceOptions? own, Action<ServiceBinderBase> bind)
    {
        var chain = new InterceptorChain([.. options.Value.Interceptors.Concat(own?.Interceptors ?? []).Select(InstanceOf)]);
        var binder = new EndpointBinder(routes, serviceType, chain, method => MethodSettings.Create(method.FullName, options.Value, own, services));
        bind(binder);
        foreach (var name in binder.ServiceNames)
        {
            UnimplementedEndpoints.MapUnknownMethods(routes, name, SettingsOf(name));
        }

        if (!_unknownServicesMapped && options.Value.IgnoreUnknownServices != true)
        {
            _unknownServicesMapped = true;
            UnimplementedEndpoints.MapUnknownServices(routes, SettingsOf("unknown service"));
        }

        return binder.Endpoints;
    }

    private MethodSettings SettingsOf(string name) => MethodSettings.Create(name, options.Value, null, services);

    private Interceptor InstanceOf(InterceptorRegistration registration)
    {
        if (!_interceptors.TryGetValue(registration, out var interceptor))
        {
            interceptor = registration.Create(services);
            _interceptors.Add(registration, interceptor);
        }

        return interceptor;
    }
}
