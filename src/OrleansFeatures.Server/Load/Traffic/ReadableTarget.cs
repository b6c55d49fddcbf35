using OrleansFeatures.V1;

namespace OrleansFeatures.Server.Load.Traffic;

/// <summary>
/// Pushes a batch and then reads, with the push's token and on whichever connection is next, the entities of its last event: the request has ended when events are readable by
/// everyone. So it takes what a push takes, and a lookup, and what the store needs between them.
/// </summary>
internal sealed class ReadableTarget(IStoreCalls store, LookupDraw lookups, EventDraw draw, int events) : ILoadTarget
{
    public async Task<LoadOutcome> SendAsync(CancellationToken abandoned)
    {
        // Making a hundred events takes tens of microseconds: no work for the pacing thread.
        await Task.Yield();
        PushRequest batch = draw.Batch(events, EventDraw.NowMicros());
        GetFeaturesRequest lookup = lookups.OfLastEvent(batch);
        (LoadOutcome outcome, PushResponse? pushed) = await store.PushAsync(batch, abandoned).ConfigureAwait(false);
        outcome = pushed is null ? outcome : PushTarget.Of(pushed, events);
        if (!outcome.IsOk)
        {
            return outcome;
        }

        lookup.MinToken = pushed!.Token;
        lookup.MaxWaitMs = Limits.LoadTimeoutSeconds * 1_000;
        return await store.Ready(lookup)(abandoned).ConfigureAwait(false);
    }
}
