using Grpc.Core;

namespace OrleansFeatures.Benchmarks.Serving.Echo;

/// <summary>Takes a lookup's bytes and gives the same bytes to all: no message is parsed, none is made, nothing is looked up. What a call costs here, no service on this transport can go below.</summary>
[BindServiceMethod(typeof(EchoService), nameof(Bind))]
internal sealed class EchoService(byte[] answer)
{
    private static readonly Marshaller<byte[]> Bytes = Marshallers.Create(static bytes => bytes, static bytes => bytes);

    private static readonly Method<byte[], byte[]> Method = new(MethodType.Unary, V1.FeatureService.Descriptor.FullName, "GetFeatures", Bytes, Bytes);

    private readonly Task<byte[]> _answer = Task.FromResult(answer);

    public static void Bind(ServiceBinderBase binder, EchoService service) => binder.AddMethod(Method, new UnaryServerMethod<byte[], byte[]>((_, _) => service._answer));
}
