using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities;

namespace OrleansFeatures.Gateway.Ingest;

/// <summary>
/// Events in bodies that nobody waits for an answer to, as a broker delivers them. They go the way of every push (<see cref="Ingestion"/>); what a push would answer goes where it can be found: refused events to
/// the quarantine, late ones to the late output. So a delivery either is taken whole, every event of it somewhere, or fails whole and may be repeated: its ids make the repetition harmless. Any thread.
/// </summary>
public sealed class BodyIntake(Ingestion ingestion, IEntityHost host, Quarantine quarantine, TimeProvider time)
{
    /// <summary>
    /// Completes when every event is durable, in the log or in the quarantine. A body is what <c>POST /events/v1/{stream}</c> takes; one of which nothing can be read is one bad event. A full store delays it.
    /// <paramref name="producer"/> is the source of stream time, for events that name no other.
    /// </summary>
    /// <exception cref="RequestRefusedException">The producer's name is too long, which no repetition mends; or the store is in no state for events at the moment, as one without any definitions is.</exception>
    /// <exception cref="Log.LogException">The log failed. Part of the bodies may be durable; the same delivery may be repeated. So with every other exception.</exception>
    public Task TakeAsync(string stream, string producer, IReadOnlyList<ReadOnlyMemory<byte>> bodies, CancellationToken cancellationToken) =>
        TakeAsync(stream, new JsonProvenance(producer, ""), [.. bodies.SelectMany(JsonEvents.ReadOrNote)], cancellationToken);

    private async Task TakeAsync(string stream, JsonProvenance provenance, List<JsonEvent> events, CancellationToken cancellationToken)
    {
        var source = new JsonSource(stream, 0, provenance, events);
        if (host.Catalog.Streams.Length == 0)
        {
            // A store that starts for the first time gets its definitions in a moment. What came until then would all be refused, and is only early.
            throw Refuse.State("stream", "the store has no definitions yet", "apply some; what is delivered until then has to be delivered again");
        }

        if (events.Count == 0 || await TryPushAsync(source, cancellationToken).ConfigureAwait(false) is not { } refusal)
        {
            return;
        }

        // What can be wrong with such a push as a whole, no version being named, is the stream's name or the size.
        if (refusal.Kind == RefusalKind.NotFound || events.Count == 1)
        {
            Keep(source, refusal);
            return;
        }

        // One after the other, so that corrections of the same event stay in order.
        int half = events.Count / 2;
        await TakeAsync(stream, provenance, events[..half], cancellationToken).ConfigureAwait(false);
        await TakeAsync(stream, provenance, events[half..], cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Null once durable; else why the push as a whole can never be taken.</summary>
    private async Task<RequestRefusal?> TryPushAsync(JsonSource source, CancellationToken cancellationToken)
    {
        try
        {
            PreparedPush push = await ingestion.PrepareAsync(source, cancellationToken, isStream: true).ConfigureAwait(false);
            await ingestion.CommitAsync(push, wait: true, cancellationToken).ConfigureAwait(false);
            return null;
        }
        catch (RequestRefusedException refused) when (refused.Refusal.Kind is RefusalKind.NotFound or RefusalKind.InvalidArgument)
        {
            return refused.Refusal;
        }
    }

    private void Keep(JsonSource source, RequestRefusal refusal)
    {
        long now = EventTime.From(time.GetUtcNow()).Micros;
        quarantine.Add([.. Enumerable.Range(0, source.Count).Select(index => new RefusedEvent(source.Stream, now, refusal.Field, refusal.Reason, refusal.Fix, QuarantineJson.Of(source, index)))]);
    }
}
