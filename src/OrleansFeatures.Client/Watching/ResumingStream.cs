using System.Runtime.CompilerServices;
using Grpc.Core;
using OrleansFeatures.Client.Connections;

namespace OrleansFeatures.Client.Watching;

/// <summary>A stream of messages that outlives its connections, for streams that can be taken up again where they broke off.</summary>
internal sealed class ResumingStream(FeatureStoreClientOptions options, ConnectionPool pool, Calls calls)
{
    /// <summary>A stream of changes has no end of its own: when the server closes it, it is leaving.</summary>
    private static RpcException Ended => new(new Status(StatusCode.Unavailable, "the server ended the stream"));

    /// <param name="open">Opens the stream behind the last message that was given out; called again whenever the connection was lost.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="RpcException">The server refused the stream, or did not come back in time.</exception>
    public async IAsyncEnumerable<T> ReadAsync<T>(Func<Connection, CallOptions, AsyncServerStreamingCall<T>> open, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var patience = new Patience(options);
        long progressAt = long.MinValue;
        while (true)
        {
            patience.Begin();
            Connection connection = pool.Take();
            bool isLost = false;
            try
            {
                using AsyncServerStreamingCall<T> call = open(connection, calls.StreamOptions(cancellationToken));
                while (!isLost)
                {
                    RpcException lost = Ended;
                    try
                    {
                        isLost = !await call.ResponseStream.MoveNext(cancellationToken).ConfigureAwait(false);
                    }
                    catch (RpcException failure) when (Refusals.IsLost(failure) && !cancellationToken.IsCancellationRequested)
                    {
                        (isLost, lost) = (true, failure);
                    }

                    if (!isLost)
                    {
                        progressAt = options.Time.GetTimestamp();
                        yield return call.ResponseStream.Current;
                    }
                    else if (!await patience.WaitAsync(progressAt, cancellationToken).ConfigureAwait(false))
                    {
                        throw lost;
                    }
                }
            }
            finally
            {
                pool.Return(connection, isLost);
            }
        }
    }
}
