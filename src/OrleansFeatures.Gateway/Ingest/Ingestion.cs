using Grpc.Health.V1;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Gateway.Admission;
using OrleansFeatures.Gateway.Health;
using OrleansFeatures.Log;

namespace OrleansFeatures.Gateway.Ingest;

/// <summary>
/// The one way of events into the store, for every transport: <see cref="PrepareAsync"/> reads a push into a batch (CPU only),
/// <see cref="CommitAsync"/> makes it durable. Between the two lies what a stream pipelines. Any thread.
/// </summary>
public sealed class Ingestion(IEntityHost host, IngestRoom room, Quarantine quarantine, LateOutput late, BackfillRight backfill, HealthServiceImpl health, TimeProvider time)
{
    /// <summary>Reads, checks and encodes every event. One bad event never fails its neighbours. Hand the result to <see cref="CommitAsync"/>, or dispose it.</summary>
    /// <param name="source">The events.</param>
    /// <param name="cancellationToken">Ends the wait for room.</param>
    /// <param name="isStream">Waits for room as long as it takes; a single push is refused when there is none.</param>
    /// <exception cref="RequestRefusedException">The push as a whole contradicts the contract or names what does not exist, or there is no room; nothing is kept.</exception>
    public async ValueTask<PreparedPush> PrepareAsync(EventSource source, CancellationToken cancellationToken, bool isStream = false)
    {
        await room.BeginTurnAsync(isStream, cancellationToken).ConfigureAwait(false);
        try
        {
            if (!isStream && source.IsPush)
            {
                room.Read(source.Count);
            }

            return await ReadAsync(source, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            room.EndTurn();
        }
    }

    /// <summary>
    /// Completes when every event that got in is on disk, and so is the original of every duplicate. With <paramref name="wait"/> a full store delays it,
    /// without, it is refused. Disposes the push.
    /// </summary>
    /// <exception cref="RequestRefusedException">The store is full; nothing was kept.</exception>
    /// <exception cref="OriginalNotDurableException">A duplicate cannot be acknowledged yet; the same push may be repeated.</exception>
    /// <exception cref="LogException">The log failed; nothing is acknowledged, the same push may be repeated.</exception>
    /// <exception cref="Metadata.MetadataException">The events are durable but the refused or late ones could not be kept; the same push may be repeated.</exception>
    public async Task<PushOutcome> CommitAsync(PreparedPush push, bool wait, CancellationToken cancellationToken)
    {
        using PreparedPush held = push;
        IntakeBatch batch = push.Batch;
        try
        {
            if (!await host.AppendAsync(batch, wait, cancellationToken).ConfigureAwait(false))
            {
                throw Refuse.Full();
            }
        }
        catch (LogPoisonedException)
        {
            // Nothing is acknowledged any more until a restart; load balancers must learn of it. Reads go on, so their health stands.
            health.SetStatus(V1.IngestService.Descriptor.FullName, HealthCheckResponse.Types.ServingStatus.NotServing);
            throw;
        }

        push.Outcome.Resolve(batch.Corrections);
        push.Outcome.Positions = push.Outcome.Duplicates == 0 ? batch.Positions() : EverythingDurable();
        Keep(push);
        GatewayMeters.Pushed(push.Outcome);
        return push.Outcome;
    }

    private async ValueTask<PreparedPush> ReadAsync(EventSource source, CancellationToken cancellationToken)
    {
        IntakeBatch batch = await host.BeginBatchAsync(cancellationToken).ConfigureAwait(false);
        PreparedPush? prepared = null;
        try
        {
            return prepared = Fill(batch, source);
        }
        finally
        {
            if (prepared is null)
            {
                batch.Dispose();
            }
        }
    }

    /// <summary>Refused events into the quarantine, late ones into the late output, before anything is acknowledged.</summary>
    private void Keep(PreparedPush push)
    {
        if (push.Outcome.Refusals.Count > 0)
        {
            long now = EventTime.From(time.GetUtcNow()).Micros;
            quarantine.Add([.. push.Outcome.Refusals.Select(refused => new RefusedEvent(
                push.Stream, now, refused.Refusal.Field, refused.Refusal.Reason, refused.Refusal.Fix, QuarantineJson.Of(push.Source, refused.Index)))]);
        }

        if (push.Outcome.LateNotes.Count > 0)
        {
            late.Add([.. push.Outcome.LateNotes.Select(note => new LateArrival(
                push.Stream, note.Times.ArrivalMicros, note.Times.EventMicros, note.StreamTimeMicros,
                [.. note.Views.ToArray().Select(view => new MissedView(view.View, view.Allowed.Micros))], QuarantineJson.Of(push.Source, note.Index)))]);
        }
    }

    /// <summary>
    /// Where the original of a duplicate lies is not known, but it is durable. A retry after a lost acknowledgement is just when a caller wants to read
    /// what it wrote, so the token then covers all that is durable now.
    /// </summary>
    private SortedDictionary<int, long> EverythingDurable()
    {
        var positions = new SortedDictionary<int, long>();
        for (int partition = 0; partition < host.Partitions.Count; partition++)
        {
            LogOffset durable = host.DurableOffset(new PartitionId(partition));
            if (durable != LogOffset.None)
            {
                positions[partition] = durable.Value;
            }
        }

        return positions;
    }

    private PreparedPush Fill(IntakeBatch batch, EventSource source)
    {
        if (source.Count > Limits.EventsPerPushMax)
        {
            throw Refuse.Argument("events", $"{source.Count} events in one push", $"send at most {Limits.EventsPerPushMax} at once");
        }

        (StreamPlan stream, StreamVersion version) = Resolve(batch.Catalog, source);
        source.Bind(version);
        var outcome = new PushOutcome(source.Count);
        var fields = new Value[version.Definition.Fields.Length];
        EventTime now = EventTime.From(time.GetUtcNow());
        var core = new CoreOffer(Limits.CoreOfferEvents);
        for (int index = 0; index < source.Count; index++, core.After(1))
        {
            if (Read(source, index, fields, out Provenance provenance) is { } refusal)
            {
                outcome.Refuse(index, refusal);
                continue;
            }

            IntakeResult result = batch.Add(stream, version, fields, provenance, out IntakeNote note);
            outcome.Add(index, result, note, new EventTimes(fields[version.TimePosition].Bits, (provenance.Arrival ?? now).Micros));
            if (batch.Bytes > Limits.PushRecordBytesMax)
            {
                throw Refuse.Argument("events", $"the first {index + 1} events take more than {Limits.PushRecordBytesMax} bytes in the log", "send fewer events at once");
            }
        }

        return new PreparedPush(stream.Name, batch, source, outcome, room);
    }

    private EventRefusal? Read(EventSource source, int index, Span<Value> fields, out Provenance provenance) =>
        source.ReadProvenance(index, out provenance)
        ?? (provenance.Arrival is null ? null : backfill.Refuse(provenance.Producer))
        ?? source.Read(index, idOnly: provenance.Operation == EventOperation.Delete, fields);

    private static (StreamPlan Stream, StreamVersion Version) Resolve(Catalog catalog, EventSource source)
    {
        StreamPlan stream = catalog.Stream(source.Stream)
            ?? throw Refuse.Unknown("stream", $"there is no stream '{source.Stream}'", NameSuggestion.DidYouMean(source.Stream, catalog.Streams.Select(known => known.Name)));
        StreamVersion version = (source.SchemaVersion <= ushort.MaxValue ? stream.Version((int)source.SchemaVersion) : null)
            ?? throw Refuse.Argument(
                "schema_version",
                $"stream '{stream.Name}' has no version {source.SchemaVersion}",
                $"use one of {string.Join(", ", stream.Versions.Select(known => known.Definition.Version))}, or 0 for the newest");
        return (stream, version);
    }
}

/// <summary>A push that is read and not yet durable. Disposing it gives it up; committing it disposes it.</summary>
public sealed class PreparedPush : IDisposable
{
    private readonly IngestRoom _room;
    private int _held;

    internal PreparedPush(string stream, IntakeBatch batch, EventSource source, PushOutcome outcome, IngestRoom room)
    {
        (Stream, Batch, Source, Outcome, _room, _held) = (stream, batch, source, outcome, room, batch.Bytes);
        room.Hold(_held);
    }

    public string Stream { get; }

    /// <summary>The definitions that it was read against.</summary>
    public Catalog Catalog => Batch.Catalog;

    /// <summary>What will have become of the events once it is committed.</summary>
    internal PushOutcome Outcome { get; }

    internal IntakeBatch Batch { get; }

    /// <summary>The events as they came, for what is kept of them.</summary>
    internal EventSource Source { get; }

    public void Dispose()
    {
        Batch.Dispose();
        _room.Free(Interlocked.Exchange(ref _held, 0));
    }
}
