using Grpc.Server;

// The official package's namespace, not this folder's.
namespace Grpc.Core;

/// <summary>The way from a gRPC call to its HTTP request.</summary>
public static class ServerCallContextExtensions
{
    /// <summary>The HTTP request that carries this call. Its body and response belong to the transport.</summary>
    public static HttpContext GetHttpContext(this ServerCallContext serverCallContext) =>
        serverCallContext is ServerCall call
            ? call.Http
            : throw new InvalidOperationException($"A {serverCallContext?.GetType().Name ?? "null"} has no HTTP request; only contexts made by this server have.");
}
