using System.Reflection;
using Grpc.AspNetCore.Server.Model;
using Grpc.Core;
using Grpc.Framing;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace OrleansFeatures.Gateway.Hosting;

/// <summary>
/// What our own transport does with every message before it is parsed, for the official packages, which do not: its lengths are followed (<see cref="MessageShape"/>), because the parser takes some lengths that cannot be
/// for a reason to ask for gigabytes. Builds with our own transport have MessageChecks.Own.cs in place of this file.
/// </summary>
internal static class MessageChecks
{
    /// <summary>After AddGrpc: methods are found by <see cref="CheckedMethods{TService}"/> alone.</summary>
    public static void AddMessageChecks(this IServiceCollection services)
    {
        services.RemoveAll(typeof(IServiceMethodProvider<>));
        services.AddSingleton(typeof(IServiceMethodProvider<>), typeof(CheckedMethods<>));
    }
}

/// <summary>The methods of a generated service, their requests checked before they are parsed. The service is a singleton; its methods are bound once.</summary>
internal sealed class CheckedMethods<TService>(IServiceProvider services) : IServiceMethodProvider<TService>
    where TService : class
{
    public void OnServiceMethodDiscovery(ServiceMethodProviderContext<TService> context)
    {
        for (Type? type = typeof(TService); type is not null; type = type.BaseType)
        {
            if (type.GetCustomAttribute<BindServiceMethodAttribute>(inherit: false) is { } generated)
            {
                MethodInfo bind = generated.BindType.GetMethod(generated.BindMethodName, [typeof(ServiceBinderBase), type])
                    ?? throw new InvalidOperationException($"{generated.BindType} has no method {generated.BindMethodName}, as the generated code should");
                bind.Invoke(null, [new Binder(context), services.GetRequiredService<TService>()]);
                return;
            }
        }

        throw new InvalidOperationException($"{typeof(TService)} is no generated gRPC service");
    }

    private sealed class Binder(ServiceMethodProviderContext<TService> context) : ServiceBinderBase
    {
        public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse>? handler) =>
            context.AddUnaryMethod(Checked(method), Metadata(), (_, request, call) => handler!(request, call));

        public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, ClientStreamingServerMethod<TRequest, TResponse>? handler) =>
            context.AddClientStreamingMethod(Checked(method), Metadata(), (_, requests, call) => handler!(requests, call));

        public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse>? handler) =>
            context.AddServerStreamingMethod(Checked(method), Metadata(), (_, request, responses, call) => handler!(request, responses, call));

        public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse>? handler) =>
            context.AddDuplexStreamingMethod(Checked(method), Metadata(), (_, requests, responses, call) => handler!(requests, responses, call));

        private static List<object> Metadata() => [new HttpMethodMetadata(["POST"], acceptCorsPreflight: true)];

        private static Method<TRequest, TResponse> Checked<TRequest, TResponse>(Method<TRequest, TResponse> method)
        {
            MessageShape? shape = MessageShape.Of(typeof(TRequest));
            Marshaller<TRequest> plain = method.RequestMarshaller;
            return shape is null ? method : new Method<TRequest, TResponse>(method.Type, method.ServiceName, method.Name, new Marshaller<TRequest>(plain.ContextualSerializer, Read), method.ResponseMarshaller);

            TRequest Read(DeserializationContext message)
            {
                shape.Require(message.PayloadAsReadOnlySequence());
                return plain.ContextualDeserializer(message);
            }
        }
    }
}
