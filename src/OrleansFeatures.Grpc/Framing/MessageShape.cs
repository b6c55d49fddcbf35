using System.Buffers;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;

namespace Grpc.Framing;

/// <summary>
/// Which fields of a protobuf message are messages themselves: what it takes to follow a message's lengths without reading it. They are followed before Google.Protobuf (3.25.1) sees them, because it adds
/// a length to its position in 32 bits: one close to 2^31 overflows there, is taken to fit, and the parser asks for so much memory: 2 GB for a message of a hundred bytes. Groups of unknown fields, which proto3 does not have, make it read
/// behind its buffer, and are refused here too.
/// <code>
///   | tag | length ≤ what is left | ... |      a field that is a message: the same within it
/// </code>
/// Costs a look at every tag and length; packed numbers and texts are passed over.
/// </summary>
internal sealed class MessageShape
{
    private static readonly Dictionary<MessageDescriptor, MessageShape> Known = [];
    private readonly Dictionary<int, MessageShape> _messages = [];

    /// <summary>The shape of a message type; null for types that are no protobuf messages.</summary>
    public static MessageShape? Of(Type type) =>
        type.IsAssignableTo(typeof(IMessage)) && type.GetProperty("Descriptor", System.Reflection.BindingFlags.Public | System.Reflection.BindingFlags.Static)?.GetValue(null) is MessageDescriptor descriptor ? Of(descriptor) : null;

    /// <exception cref="RpcException">A length reaches beyond what it lies in.</exception>
    public void Require(in ReadOnlySequence<byte> message)
    {
        var reader = new SequenceReader<byte>(message);
        if (!Fits(ref reader, message.Length, depth: 0))
        {
            throw new RpcException(new Status(StatusCode.Internal, $"The message of {message.Length} bytes could not be parsed: at byte {reader.Consumed} is no field that fits in it."));
        }
    }

    private static MessageShape Of(MessageDescriptor descriptor)
    {
        lock (Known)
        {
            if (!Known.TryGetValue(descriptor, out var shape))
            {
                // Known before its fields are: a message may hold itself.
                Known[descriptor] = shape = new MessageShape();
                foreach (var field in descriptor.Fields.InDeclarationOrder())
                {
                    if (field.FieldType == FieldType.Message)
                    {
                        shape._messages[field.FieldNumber] = Of(field.MessageType);
                    }
                }
            }

            return shape;
        }
    }

    private bool Fits(ref SequenceReader<byte> reader, long end, int depth)
    {
        while (reader.Consumed < end)
        {
            if (!TryReadPacked(ref reader, out var tag))
            {
                return false;
            }

            long length = 0;
            switch (tag & 7)
            {
                case 0:
                    if (!TryReadPacked(ref reader, out _))
                    {
                        return false;
                    }

                    break;
                case 1:
                    length = sizeof(long);
                    break;
                case 2:
                    if (!TryReadPacked(ref reader, out var stated))
                    {
                        return false;
                    }

                    length = stated;
                    break;
                case 5:
                    length = sizeof(int);
                    break;
                default:
                    return false;
            }

            if (length > end - reader.Consumed || !Passes(ref reader, tag, length, depth))
            {
                return false;
            }
        }

        return reader.Consumed == end;
    }

    private bool Passes(ref SequenceReader<byte> reader, uint tag, long length, int depth)
    {
        if ((tag & 7) == 2 && _messages.TryGetValue((int)(tag >> 3), out var inner))
        {
            return depth < Limits.MessageDepthMax && inner.Fits(ref reader, reader.Consumed + length, depth + 1);
        }

        reader.Advance(length);
        return true;
    }

    /// <summary>The low 32 bits of a packed number, as the parser takes them.</summary>
    private static bool TryReadPacked(ref SequenceReader<byte> reader, out uint value)
    {
        value = 0;
        for (var shift = 0; shift < 70; shift += 7)
        {
            if (!reader.TryRead(out var next))
            {
                return false;
            }

            value |= shift < 32 ? (uint)(next & 0x7f) << shift : 0;
            if (next < 0x80)
            {
                return true;
            }
        }

        return false;
    }
}

/// <summary>The shape of one type, looked up once.</summary>
internal static class MessageShape<T>
{
    public static readonly MessageShape? Value = MessageShape.Of(typeof(T));
}
