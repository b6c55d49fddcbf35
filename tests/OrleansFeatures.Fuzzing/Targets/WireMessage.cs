using System.Buffers;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Framing;

namespace OrleansFeatures.Fuzzing.Targets;

/// <summary>Messages as the transport reads them.</summary>
internal static class WireMessage
{
    /// <exception cref="RpcException">The bytes are no such message: the transport follows their lengths before the parser does, and takes whatever that throws for the same.</exception>
    public static T Read<T>(MessageParser<T> parser, byte[] bytes) where T : class, IMessage<T> =>
        Payload.Read(new ReadOnlySequence<byte>(bytes), context => parser.ParseFrom(context.PayloadAsReadOnlySequence()));
}
