using System.Net;
using Grpc.Core;
using Grpc.Framing;

namespace Grpc.Net.Client;

/// <summary>The one request message of a unary or server-streaming call. Serialized when made, so that a message over the limit fails the call before anything is sent.</summary>
internal sealed class RequestMessageContent<TRequest> : HttpContent
    where TRequest : class
{
    private readonly PooledBuffer _frame = new(Limits.InflateStartBytes);

    public RequestMessageContent(TRequest message, Marshaller<TRequest> marshaller, FrameSettings settings) =>
        MessageWriter.Write(_frame, message, marshaller.ContextualSerializer, settings);

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken) =>
        stream.WriteAsync(_frame.WrittenMemory, cancellationToken).AsTask();

    protected override bool TryComputeLength(out long length)
    {
        length = _frame.WrittenCount;
        return true;
    }

    // The buffer is not given back to its pool on dispose: when a call ends early, the connection may still be reading it. The collector
    // takes it then. After an ordinary call it is small and short-lived.
}
