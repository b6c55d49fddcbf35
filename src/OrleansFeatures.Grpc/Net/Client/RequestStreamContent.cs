using System.Net;
using Grpc.Core;

namespace Grpc.Net.Client;

/// <summary>
/// The request side of a client-streaming or duplex call: HTTP asks for the content once, and is given the open stream until the writer
/// completes it or the call ends.
/// </summary>
internal sealed class RequestStreamContent : HttpContent
{
    private readonly TaskCompletionSource<Stream> _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _completed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The stream, once the connection wants content; cancelled when the call ended before.</summary>
    public Task<Stream> Opened => _opened.Task;

    public bool IsCompleted => _completed.Task.IsCompleted;

    /// <summary>Half-closes the call.</summary>
    public void Complete() => _completed.TrySetResult();

    /// <summary>
    /// The call has ended: lets HTTP go, and whoever waits to write. A stream that its client has not completed is reset, never closed: a server must
    /// not take half the messages for all of them.
    /// </summary>
    public void End()
    {
        _opened.TrySetCanceled();
        _completed.TrySetCanceled();
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        // The headers leave now; the first message may be long in coming.
        await stream.FlushAsync(cancellationToken).ConfigureAwait(false);
        _opened.TrySetResult(stream);
        await _completed.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    protected override bool TryComputeLength(out long length)
    {
        length = -1;
        return false;
    }
}
