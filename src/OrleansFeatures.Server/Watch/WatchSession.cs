using System.Diagnostics;
using Grpc.Core;
using OrleansFeatures.Server.Commands;
using OrleansFeatures.V1;

namespace OrleansFeatures.Server.Watch;

/// <summary>
/// A subscription that outlives its connection: when the store is lost it asks again with the place that it had come to, and so misses nothing. Ends when it has seen so many rows, or is cancelled, or the store refuses it, or does not come back.
/// </summary>
/// <param name="connection">To the store.</param>
/// <param name="request">Goes on with another place after a loss.</param>
/// <param name="rowsMax">Of this many rows the last is the end.</param>
/// <param name="take">Gets every message.</param>
/// <param name="trouble">Hears why nothing comes; null when something does again.</param>
internal sealed class WatchSession(ServerConnection connection, SubscribeRequest request, ulong rowsMax, Action<SubscribeResponse> take, Action<string?> trouble)
{
    private static readonly TimeSpan RetryFor = TimeSpan.FromSeconds(Limits.DefaultRetrySeconds);

    private ulong _rows;

    /// <exception cref="CommandFailure">The store refused, or did not come back.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        long heard = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                using AsyncServerStreamingCall<SubscribeResponse> call = connection.Features.Subscribe(request, cancellationToken: cancellationToken);
                while (_rows < rowsMax && await call.ResponseStream.MoveNext(cancellationToken).ConfigureAwait(false))
                {
                    Take(call.ResponseStream.Current);
                    heard = Stopwatch.GetTimestamp();
                }

                return;
            }
            catch (RpcException) when (cancellationToken.IsCancellationRequested)
            {
                throw new OperationCanceledException(cancellationToken);
            }
            catch (RpcException lost) when (ServerConnection.IsLost(lost) && request.HasResumeAfter && Stopwatch.GetElapsedTime(heard) < RetryFor)
            {
                trouble($"the store is away ({lost.Status.Detail}); asking again, nothing will be missed");
            }
            catch (RpcException refused)
            {
                throw connection.Failure(refused);
            }

            await Task.Delay(Limits.RetryPauseMs, cancellationToken).ConfigureAwait(false);
        }
    }

    private void Take(SubscribeResponse message)
    {
        if (!Cut(message))
        {
            request.ResumeAfter = message.Through;
            request.Snapshot = false;
        }

        _rows += (ulong)message.AsOfMicros.Count;
        take(message);
        trouble(null);
    }

    /// <summary>Rows beyond the last that is wanted are not shown, and the place stays before the message: whoever goes on there is shown them, and the others again. A row is what has an as-of, so nothing else need be cut.</summary>
    private bool Cut(SubscribeResponse message)
    {
        int wanted = (int)Math.Min(rowsMax - _rows, int.MaxValue);
        bool cuts = message.AsOfMicros.Count > wanted;
        while (message.AsOfMicros.Count > wanted)
        {
            message.AsOfMicros.RemoveAt(message.AsOfMicros.Count - 1);
        }

        return cuts;
    }
}
