using System.Buffers;

namespace Grpc.Core;

/// <summary>
/// Where a serializer puts one message. Either <see cref="Complete(byte[])"/> alone, or <see cref="SetPayloadLength"/> (which spares a
/// buffer), <see cref="GetBufferWriter"/> and <see cref="Complete()"/>. Valid only during the serializer's call.
/// </summary>
public abstract class SerializationContext
{
    public abstract void Complete(byte[] payload);

    public abstract IBufferWriter<byte> GetBufferWriter();

    /// <summary>The exact number of bytes that will be written. A serializer that writes another number fails the call.</summary>
    public abstract void SetPayloadLength(int payloadLength);

    public abstract void Complete();
}
