using System.Buffers;
using Grpc.Core;

namespace Grpc.Framing;

/// <summary>One message's bytes, lent to its deserializer. Deserialization is synchronous, so one instance per thread serves every call.</summary>
internal sealed class Payload : DeserializationContext
{
    [ThreadStatic]
    private static Payload? t_idle;

    private ReadOnlySequence<byte> _bytes;

    public override int PayloadLength => (int)_bytes.Length;

    public static T Read<T>(ReadOnlySequence<byte> bytes, Func<DeserializationContext, T> deserializer)
        where T : class
    {
        MessageShape<T>.Value?.Require(bytes);
        var payload = t_idle ?? new Payload();
        t_idle = null;
        payload._bytes = bytes;
        try
        {
            return deserializer(payload) ?? throw new RpcException(new Status(StatusCode.Internal, "The deserializer returned null."));
        }
        catch (Exception unreadable) when (unreadable is not RpcException)
        {
            // Any exception: a deserializer is the application's, and whatever it throws means that these bytes are no such message.
            throw new RpcException(new Status(StatusCode.Internal, $"The message of {bytes.Length} bytes could not be parsed.", unreadable));
        }
        finally
        {
            payload._bytes = default;
            t_idle = payload;
        }
    }

    public override byte[] PayloadAsNewBuffer() => _bytes.ToArray();

    public override ReadOnlySequence<byte> PayloadAsReadOnlySequence() => _bytes;
}
