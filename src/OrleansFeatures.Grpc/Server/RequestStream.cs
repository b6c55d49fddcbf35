using Grpc.Core;
using Microsoft.AspNetCore.Connections;

namespace Grpc.Server;

/// <summary>The client's messages, as the handler reads them. Ends reading with OperationCanceledException when the call has ended.</summary>
internal sealed class RequestStream<T>(ServerCall call, Func<DeserializationContext, T> deserializer) : IAsyncStreamReader<T>
    where T : class
{
    private T? _current;
    private int _reading;

    public T Current => _current ?? throw new InvalidOperationException("There is no current message: MoveNext was not awaited, or it returned false.");

    public async Task<bool> MoveNext(CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref _reading, 1) == 1)
        {
            throw new InvalidOperationException("The previous MoveNext has not completed. Await it before the next.");
        }

        try
        {
            _current = null;
            using var ended = call.CancellationToken.UnsafeRegister(CancelRead, call);
            using var cancelled = cancellationToken.UnsafeRegister(CancelRead, call);
            while (true)
            {
                call.CancellationToken.ThrowIfCancellationRequested();
                cancellationToken.ThrowIfCancellationRequested();
                try
                {
                    _current = await call.Reader.ReadAsync(deserializer, CancellationToken.None).ConfigureAwait(false);
                    return _current is not null;
                }
                catch (Exception lost) when (lost is IOException or ConnectionAbortedException)
                {
                    // The client reset the stream or its connection broke, which Kestrel reports here before it cancels the call.
                    throw call.Gone(lost);
                }
                catch (OperationCanceledException) when (!call.CancellationToken.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
                {
                    // A token of an earlier MoveNext was cancelled just as that read completed; its mark is taken off, and this read goes on.
                }
            }
        }
        finally
        {
            Volatile.Write(ref _reading, 0);
        }
    }

    private static void CancelRead(object? call)
    {
        try
        {
            ((ServerCall)call!).Http.Request.BodyReader.CancelPendingRead();
        }
        catch (Exception failed) when (failed is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // The body has failed already (IOException: by the client; OperationCanceledException: by our own reset), and so has the read: there
            // is nothing left to cancel. Thrown on, it would stop the other callbacks of the token, and with them whoever cancels.
        }
    }
}
