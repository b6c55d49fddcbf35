using Grpc.Core;

namespace Grpc.Tests.Kit;

/// <summary>A service whose methods are written in the test, over bare bytes.</summary>
internal sealed class Probe
{
    public const string Service = "test.Probe";

    private static readonly Marshaller<byte[]> Bytes = Marshallers.Create(bytes => bytes, bytes => bytes);
    private readonly ServerServiceDefinition.Builder _methods = ServerServiceDefinition.CreateBuilder();

    public static Method<byte[], byte[]> Unary(string name) => new(MethodType.Unary, Service, name, Bytes, Bytes);

    public static Method<byte[], byte[]> ClientStreaming(string name) => new(MethodType.ClientStreaming, Service, name, Bytes, Bytes);

    public static Method<byte[], byte[]> ServerStreaming(string name) => new(MethodType.ServerStreaming, Service, name, Bytes, Bytes);

    public static Method<byte[], byte[]> Duplex(string name) => new(MethodType.DuplexStreaming, Service, name, Bytes, Bytes);

    public Probe OnUnary(string name, UnaryServerMethod<byte[], byte[]> handler) => Add(() => _methods.AddMethod(Unary(name), handler));

    public Probe OnClientStreaming(string name, ClientStreamingServerMethod<byte[], byte[]> handler) => Add(() => _methods.AddMethod(ClientStreaming(name), handler));

    public Probe OnServerStreaming(string name, ServerStreamingServerMethod<byte[], byte[]> handler) => Add(() => _methods.AddMethod(ServerStreaming(name), handler));

    public Probe OnDuplex(string name, DuplexStreamingServerMethod<byte[], byte[]> handler) => Add(() => _methods.AddMethod(Duplex(name), handler));

    public Probe WithEchoes() => OnUnary("Echo", (request, _) => Task.FromResult(request))
        .OnServerStreaming("Repeat", async (request, responses, _) =>
        {
            foreach (byte b in request)
            {
                await responses.WriteAsync([b]);
            }
        })
        .OnClientStreaming("Join", async (requests, _) =>
        {
            using var joined = new MemoryStream();
            await foreach (byte[] request in requests.ReadAllAsync())
            {
                joined.Write(request);
            }

            return joined.ToArray();
        })
        .OnDuplex("EchoAll", async (requests, responses, _) =>
        {
            await foreach (byte[] request in requests.ReadAllAsync())
            {
                await responses.WriteAsync(request);
            }
        });

    public ServerServiceDefinition Build() => _methods.Build();

    private Probe Add(Func<ServerServiceDefinition.Builder> add)
    {
        add();
        return this;
    }
}
