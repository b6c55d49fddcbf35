using Grpc.Core;
using OrleansFeatures.Gateway.Serve;
using OrleansFeatures.Log;
using OrleansFeatures.V1;

namespace OrleansFeatures.Gateway.Subscribe;

/// <summary>All subscriptions of this server. Any thread.</summary>
public sealed class Subscriptions(FeatureReads reads, ServerLife life, TimeProvider time)
{
    private int _count;

    /// <summary>Open now.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Sends what changes until the call or the server ends, or something fails; resume with the last <c>through</c>.</summary>
    /// <exception cref="RequestRefusedException">The request cannot be served, there are too many, the log no longer reaches back, or the server is stopping.</exception>
    /// <exception cref="Entities.DefinitionsChangedException">What is followed is of definitions that are not live any more: subscribe again.</exception>
    public async Task RunAsync(SubscribeRequest request, IServerStreamWriter<SubscribeResponse> responses, CancellationToken cancellationToken)
    {
        if (Interlocked.Increment(ref _count) > Limits.SubscriptionsMax)
        {
            Interlocked.Decrement(ref _count);
            throw Refuse.Busy("", $"{Limits.SubscriptionsMax} subscriptions are open on this server", "close some, or subscribe at another one");
        }

        GatewayMeters.Subscribed(1);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, life.Stopping);
        try
        {
            await RequireReachedAsync(request, either.Token).ConfigureAwait(false);
            await new Subscription(request, reads.Resolve(reads.Host.Catalog, request.What), reads.Host, time, responses).RunAsync(either.Token).ConfigureAwait(false);
        }
        catch (LogTruncatedException truncated)
        {
            throw Refuse.OutOfRange("resume_after", $"the log no longer reaches back to {SubscriptionMessages.PlaceOf(truncated.Wanted) - 1}: it begins at {truncated.FirstSequence}", "subscribe without it, with a snapshot of the rows; or keep more raw history");
        }
        catch (OperationCanceledException) when (life.Stopping.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw Refuse.Stopping();
        }
        finally
        {
            GatewayMeters.Subscribed(-1);
            Interlocked.Decrement(ref _count);
        }
    }

    /// <summary>A place of this store has been reached, or will be in a moment where another server has handed it out. One of another store would silently be waited for.</summary>
    private async Task RequireReachedAsync(SubscribeRequest request, CancellationToken cancellationToken)
    {
        long begun = time.GetTimestamp();
        while (request.HasResumeAfter && request.ResumeAfter > SubscriptionMessages.PlaceOf(reads.Host.DurableSequence))
        {
            if (time.GetElapsedTime(begun) > Limits.PlaceAheadMax)
            {
                throw Refuse.OutOfRange("resume_after", $"the log has come to {SubscriptionMessages.PlaceOf(reads.Host.DurableSequence)} and not to {request.ResumeAfter}", "hand back a `through` of this store; subscribe without it if the store was made anew");
            }

            await Task.Delay(Limits.PlaceAheadLook, time, cancellationToken).ConfigureAwait(false);
        }
    }
}
