using System.Buffers;

namespace Grpc.Core;

/// <summary>One received message. The sequence is the transport's own memory: it is valid only during the deserializer's call.</summary>
public abstract class DeserializationContext
{
    public abstract int PayloadLength { get; }

    public abstract byte[] PayloadAsNewBuffer();

    public abstract ReadOnlySequence<byte> PayloadAsReadOnlySequence();
}
