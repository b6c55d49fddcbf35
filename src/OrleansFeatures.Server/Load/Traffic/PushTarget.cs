using Grpc.Core;
using OrleansFeatures.V1;

namespace OrleansFeatures.Server.Load.Traffic;

/// <summary>Pushes a batch of new events, until all of them are durable. A batch of which any event was not accepted is a failure.</summary>
internal sealed class PushTarget(StoreConnections store, EventDraw draw, int events) : ILoadTarget
{
    public static LoadOutcome NotAccepted(string detail) => new("NOT_ACCEPTED", detail);

    public async Task<LoadOutcome> SendAsync(CancellationToken abandoned)
    {
        // Making a hundred events takes tens of microseconds: no work for the pacing thread.
        await Task.Yield();
        try
        {
            PushRequest request = draw.Batch(events, EventDraw.NowMicros());
            using AsyncUnaryCall<PushResponse> call = store.Next().Ingest.PushAsync(request, store.Call(abandoned));
            return Of(await call.ResponseAsync.ConfigureAwait(false), events);
        }
        catch (RpcException exception)
        {
            return CallOutcome.Of(exception);
        }
    }

    public static LoadOutcome Of(PushResponse answer, int events) => answer.Accepted == (ulong)events
        ? LoadOutcome.Answered
        : NotAccepted($"of {events} events {answer.Accepted} were accepted, {answer.Late} late, {answer.Duplicates} duplicate, {answer.Quarantined} refused: {answer.Refusals.FirstOrDefault()?.Reason}");
}
