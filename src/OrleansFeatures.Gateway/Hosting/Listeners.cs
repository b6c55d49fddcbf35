using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace OrleansFeatures.Gateway.Hosting;

/// <summary>The gateway's two listeners: HTTP/2 for gRPC, HTTP/1.1 for REST (without TLS nothing can negotiate between the two on one port).</summary>
public static class Listeners
{
    /// <summary>HTTP/2's connection preface: "PRI * HTTP/2.0", "SM" and line ends (RFC 9113, 3.4).</summary>
    private const int PrefaceBytes = 24;

    /// <summary>Of HTTP/1.1, where the shortest request is "GET / HTTP/1.1" with its line end.</summary>
    private const int RequestLineBytes = 16;

    /// <summary>Bytes a producer may send ahead on one stream: some twenty batches, so that a push never waits for a window update.</summary>
    private const int StreamWindowBytes = 4 * 1024 * 1024;

    /// <summary>The same over all streams of a connection.</summary>
    private const int ConnectionWindowBytes = 8 * 1024 * 1024;

    /// <summary>Lets Kestrel listen on both ports of an address, within the limits. A port of 0 takes a free one.</summary>
    public static void Configure(KestrelServerOptions kestrel, IPAddress address, int grpcPort, int httpPort, ConnectionLimits connections)
    {
        ArgumentNullException.ThrowIfNull(kestrel);
        ArgumentNullException.ThrowIfNull(connections);
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = Limits.MessageBytesMax;
        kestrel.Limits.Http2.MaxStreamsPerConnection = connections.Calls;
        kestrel.Limits.Http2.InitialStreamWindowSize = StreamWindowBytes;
        kestrel.Limits.Http2.InitialConnectionWindowSize = ConnectionWindowBytes;

        // On HTTP/2 this rate is the whole server's: a client that reads a stream slowly would cost its connection every other call. Writes wait instead.
        kestrel.Limits.MinResponseDataRate = null;
        Bound(kestrel.Limits, connections);
        Listen(kestrel, address, grpcPort, HttpProtocols.Http2, new Greeting(PrefaceBytes, connections.Greeting));
        Listen(kestrel, address, httpPort, HttpProtocols.Http1, new Greeting(RequestLineBytes, connections.Greeting));
    }

    /// <summary>Where the listeners ended up, in the order of <see cref="Configure"/>. Once the application has started.</summary>
    public static (Uri Grpc, Uri Http) Addresses(WebApplication app)
    {
        ArgumentNullException.ThrowIfNull(app);
        ICollection<string> addresses = app.Services.GetRequiredService<IServer>().Features.GetRequiredFeature<IServerAddressesFeature>().Addresses;
        return (new Uri(addresses.First()), new Uri(addresses.Last()));
    }

    private static void Bound(KestrelServerLimits limits, ConnectionLimits connections)
    {
        limits.MaxConcurrentConnections = connections.Connections;
        limits.RequestHeadersTimeout = connections.RequestHeaders;
        limits.KeepAliveTimeout = connections.Idle;
        limits.Http2.KeepAlivePingDelay = connections.PingAfter;
        limits.Http2.KeepAlivePingTimeout = connections.PingAnswer;
    }

    private static void Listen(KestrelServerOptions kestrel, IPAddress address, int port, HttpProtocols protocols, Greeting greeting) => kestrel.Listen(address, port, listen =>
    {
        listen.Protocols = protocols;
        listen.Use(greeting.Before);
    });
}
