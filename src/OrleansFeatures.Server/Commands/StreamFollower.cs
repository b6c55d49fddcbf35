using Grpc.Core;

namespace OrleansFeatures.Server.Commands;

/// <summary>Reads a stream of reports to its end and keeps the newest; whoever shows progress looks at it when it likes.</summary>
internal sealed class StreamFollower<T>(ServerConnection connection, IAsyncStreamReader<T> reports) where T : class
{
    private T? _newest;

    public T? Newest => Volatile.Read(ref _newest);

    /// <exception cref="CommandFailure">The store refused, or was lost.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (await reports.MoveNext(cancellationToken).ConfigureAwait(false))
            {
                Volatile.Write(ref _newest, reports.Current);
            }
        }
        catch (RpcException exception)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw connection.Failure(exception);
        }
    }
}
