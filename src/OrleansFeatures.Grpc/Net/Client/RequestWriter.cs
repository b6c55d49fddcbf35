using Grpc.Core;
using Grpc.Framing;

namespace Grpc.Net.Client;

/// <summary>Writes request messages. A write completes when HTTP/2 flow control has taken the message, so a slow server slows the writer.</summary>
internal sealed class RequestWriter<TRequest, TResponse>(ClientCall<TRequest, TResponse> call, RequestStreamContent content) : IClientStreamWriter<TRequest>
    where TRequest : class
    where TResponse : class
{
    private static readonly Status WriteCancelled = new(StatusCode.Cancelled, "A write to the request stream was cancelled by its token.");
    private int _writing;

    public WriteOptions? WriteOptions { get; set; } = call.WriteOptions;

    public Task WriteAsync(TRequest message) => WriteAsync(message, CancellationToken.None);

    public async Task WriteAsync(TRequest message, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(message);
        if (Interlocked.Exchange(ref _writing, 1) != 0)
        {
            throw new InvalidOperationException("The previous write has not completed. Await each write before the next.");
        }

        // The token of one write cancels the call: a message that left in part could not be resumed.
        using var byWrite = cancellationToken.UnsafeRegister(static call => ((ClientCall)call!).Cancel(WriteCancelled), call);
        try
        {
            ThrowIfOver();
            Stream stream = await content.Opened.ConfigureAwait(false);
            using var frame = new PooledBuffer(Limits.ClientReadBytes);
            MessageWriter.Write(frame, message, call.RequestMarshaller.ContextualSerializer, call.FrameOf(WriteOptions));
            await stream.WriteAsync(frame.WrittenMemory, call.Token).ConfigureAwait(false);
            if (((WriteOptions?.Flags ?? 0) & WriteFlags.BufferHint) == 0)
            {
                await stream.FlushAsync(call.Token).ConfigureAwait(false);
            }
        }
        catch (Exception exception) when (exception is IOException or HttpRequestException or ObjectDisposedException or OperationCanceledException)
        {
            throw await FailureAsync(exception).ConfigureAwait(false);
        }
        finally
        {
            Volatile.Write(ref _writing, 0);
        }
    }

    public Task CompleteAsync()
    {
        if (Volatile.Read(ref _writing) != 0)
        {
            throw new InvalidOperationException("The previous write has not completed. Await it before CompleteAsync.");
        }

        content.Complete();
        return Task.CompletedTask;
    }

    private void ThrowIfOver()
    {
        if (call.StatusIfFinished is { } status)
        {
            throw Over(status);
        }

        if (content.IsCompleted)
        {
            throw new InvalidOperationException("CompleteAsync was called; nothing more can be written.");
        }
    }

    /// <summary>
    /// The stream broke under the write. Usually the server has ended the call, and its status is on the response side: so the call is not ended
    /// here, where the reason is unknown.
    /// </summary>
    private async Task<Exception> FailureAsync(Exception exception)
    {
        await call.EndedAsync(Limits.EndAfterBrokenWrite).ConfigureAwait(false);
        return call.StatusIfFinished is { } status
            ? Over(status)
            : new RpcException(new Status(StatusCode.Unavailable, "The server takes no more messages. Read the responses to their end: the call's status comes with them.", exception));
    }

    private Exception Over(Status status) => status.StatusCode == StatusCode.OK
        ? new InvalidOperationException("The call has ended with OK; nothing more can be written.")
        : call.Failure();
}
