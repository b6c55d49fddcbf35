using Grpc.Core;

namespace Grpc.Net.Client;

/// <summary>Reads response messages; at the end of the stream the call's status is known.</summary>
internal sealed class ResponseReader<TRequest, TResponse>(ClientCall<TRequest, TResponse> call) : IAsyncStreamReader<TResponse>
    where TRequest : class
    where TResponse : class
{
    private TResponse? _current;
    private int _reading;

    public TResponse Current => _current ?? throw new InvalidOperationException("There is no current message. Call MoveNext, and use Current only when it returned true.");

    public async Task<bool> MoveNext(CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref _reading, 1) != 0)
        {
            throw new InvalidOperationException("The previous MoveNext has not completed. Await each read before the next.");
        }

        try
        {
            _current = null;
            if (call.StatusIfFinished is { } status)
            {
                return status.StatusCode == StatusCode.OK ? false : throw call.Failure();
            }

            _current = await call.ReadAsync(cancellationToken).ConfigureAwait(false);
            return _current is not null;
        }
        finally
        {
            Volatile.Write(ref _reading, 0);
        }
    }
}
