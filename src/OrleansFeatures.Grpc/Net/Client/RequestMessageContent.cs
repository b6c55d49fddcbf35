using System.Net;
using Grpc.Core;
using Grpc.Framing;

namespace Grpc.Net.Client;

/// <summary>
/// The one request message of a unary or server-streaming call. Serialized when made, so that a message over the limit fails the call before
/// anything is sent. The connection may ask for it more than once: it retries a request that a closing connection did not take.
/// </summary>
internal sealed class RequestMessageContent<TRequest> : HttpContent
    where TRequest : class
{
    private const int Idle = 0;
    private const int Sending = 1;
    private const int Released = 2;

    private readonly PooledBuffer _frame = new(0);
    private int _state;

    public RequestMessageContent(TRequest message, Marshaller<TRequest> marshaller, FrameSettings settings) =>
        MessageWriter.Write(_frame, message, marshaller.ContextualSerializer, settings);

    /// <summary>The call is over: gives the buffer back, unless the connection reads it at this moment; then the collector takes it.</summary>
    public void Release()
    {
        if (Interlocked.CompareExchange(ref _state, Released, Idle) == Idle)
        {
            _frame.Dispose();
        }
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        if (Interlocked.CompareExchange(ref _state, Sending, Idle) != Idle)
        {
            throw new OperationCanceledException("The call is over, so its request is not sent.");
        }

        try
        {
            await stream.WriteAsync(_frame.WrittenMemory, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            Volatile.Write(ref _state, Idle);
        }
    }

    protected override bool TryComputeLength(out long length)
    {
        length = _frame.WrittenCount;
        return true;
    }
}
