using Grpc.Core;

namespace OrleansFeatures.Benchmarks.Serving.Echo;

/// <summary>Takes a push's bytes, appends them to a file as they are, and answers with nothing once they are durable: what a push costs here, no store on this transport and this disk can go below.</summary>
[BindServiceMethod(typeof(EchoPushes), nameof(Bind))]
internal sealed class EchoPushes(BareLog log)
{
    private static readonly Marshaller<byte[]> Bytes = Marshallers.Create(static bytes => bytes, static bytes => bytes);

    private static readonly Method<byte[], byte[]> Method = new(MethodType.Unary, V1.IngestService.Descriptor.FullName, "Push", Bytes, Bytes);

    public static void Bind(ServiceBinderBase binder, EchoPushes service) => binder.AddMethod(Method, new UnaryServerMethod<byte[], byte[]>(async (push, _) =>
    {
        await service.AppendAsync(push).ConfigureAwait(false);
        return [];
    }));

    private Task AppendAsync(byte[] push) => log.AppendAsync(push);
}
