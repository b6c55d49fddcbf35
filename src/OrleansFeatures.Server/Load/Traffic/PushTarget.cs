using OrleansFeatures.V1;

namespace OrleansFeatures.Server.Load.Traffic;

/// <summary>Pushes a batch of new events, until all of them are durable. A batch of which any event was not accepted is a failure.</summary>
internal sealed class PushTarget(IStoreCalls store, EventDraw draw, int events) : ILoadTarget
{
    public async Task<LoadOutcome> SendAsync(CancellationToken abandoned)
    {
        // Making a hundred events takes tens of microseconds: no work for the pacing thread.
        await Task.Yield();
        (LoadOutcome outcome, PushResponse? answer) = await store.PushAsync(draw.Batch(events, EventDraw.NowMicros()), abandoned).ConfigureAwait(false);
        return answer is null ? outcome : Of(answer, events);
    }

    public static LoadOutcome Of(PushResponse answer, int events) => answer.Accepted == (ulong)events
        ? LoadOutcome.Answered
        : CallOutcome.NotAccepted($"of {events} events {answer.Accepted} were accepted, {answer.Late} late, {answer.Duplicates} duplicate, {answer.Quarantined} refused: {answer.Refusals.FirstOrDefault()?.Reason}");
}
