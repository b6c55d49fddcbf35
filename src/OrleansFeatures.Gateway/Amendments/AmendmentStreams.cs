using Grpc.Core;
using OrleansFeatures.V1;

namespace OrleansFeatures.Gateway.Amendments;

/// <summary>
/// All subscribers of amendments of this server. Each is a reader of the table that has a place and nothing else: it looks when this process has written one, and once a second for those that another process has, and sends
/// a page when the one before is gone. One that does not read is behind, and holds a message. Any thread.
/// </summary>
public sealed class AmendmentStreams(KeptAmendments amendments, ServerLife life, TimeProvider time)
{
    private int _count;

    /// <summary>Sends amendments until the call or the server ends; resume with the last <c>through</c>.</summary>
    /// <exception cref="RequestRefusedException">There are too many, the place is not kept any more or was never reached, or the server is stopping.</exception>
    public async Task RunAsync(SubscribeAmendmentsRequest request, IServerStreamWriter<SubscribeAmendmentsResponse> responses, CancellationToken cancellationToken)
    {
        if (Interlocked.Increment(ref _count) > Limits.AmendmentSubscribersMax)
        {
            Interlocked.Decrement(ref _count);
            throw Refuse.Busy("", $"{Limits.AmendmentSubscribersMax} subscribers of amendments are connected to this server", "close some, or subscribe at another one");
        }

        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, life.Stopping);
        try
        {
            await SendAsync(PlaceOf(request), request.PredictionIdPrefix, responses, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (life.Stopping.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw Refuse.Stopping();
        }
        finally
        {
            Interlocked.Decrement(ref _count);
        }
    }

    private async Task SendAsync(long place, string prefix, IServerStreamWriter<SubscribeAmendmentsResponse> responses, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task more = amendments.NextWritten;
            (List<Amendment> found, long through) = amendments.Table.Behind(place, prefix, Limits.AmendmentsPerMessage);

            // Also where there is nothing: it says that the subscriber has everything, and each second that somebody is there.
            var message = new SubscribeAmendmentsResponse { Through = (ulong)through };
            message.Amendments.AddRange(found);
            await responses.WriteAsync(message, cancellationToken).ConfigureAwait(false);
            if (through == place)
            {
                await Task.WhenAny(more, Task.Delay(Limits.AmendmentTick, time, cancellationToken)).ConfigureAwait(false);
                cancellationToken.ThrowIfCancellationRequested();
            }

            place = through;
        }
    }

    /// <summary>Behind which number it begins.</summary>
    private long PlaceOf(SubscribeAmendmentsRequest request)
    {
        long newest = amendments.Table.Head().Newest;
        if (request.FromNow)
        {
            return newest;
        }

        long oldest = amendments.Table.Oldest() ?? (newest + 1);
        return request.ResumeAfter switch
        {
            0 => oldest - 1,
            _ when request.ResumeAfter > (ulong)newest => throw Refuse.OutOfRange("resume_after", $"the newest amendment is {newest}", "hand back a `through` of this store, or 0 for everything that is kept"),
            _ when (long)request.ResumeAfter < oldest - 1 => throw Refuse.OutOfRange("resume_after", $"amendments before {oldest} are not kept any more", "say 0 for everything that is kept, and look at what you have of those between"),
            _ => (long)request.ResumeAfter,
        };
    }
}
