using System.Collections.Immutable;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Gateway.Amendments;
using OrleansFeatures.Gateway.Ingest;
using OrleansFeatures.Log;
using OrleansFeatures.V1;
using Selection = OrleansFeatures.Domain.Definitions.Selection;

namespace OrleansFeatures.Gateway.Serve;

/// <summary>
/// One event in, the vector after it out. Idempotent: the same event again is a DUPLICATE and answers with the same vector, because both are
/// read as of the event's own time. The read is checked before the event is appended, so that a call which cannot be answered changes nothing.
/// </summary>
public sealed class Observation(Ingestion ingestion, FeatureReads reads, Predictions predictions)
{
    public async Task<ObserveAndGetResponse> ObserveAsync(ObserveAndGetRequest request, CancellationToken cancellationToken)
    {
        var source = new ObservedEvent(request);
        PushOutcome outcome;
        FeatureRead? read;
        GetFeaturesRequest? kept;
        Catalog catalog;
        using (PreparedPush push = await ingestion.PrepareAsync(source, cancellationToken).ConfigureAwait(false))
        {
            catalog = push.Catalog;
            Selection selection = reads.Resolve(catalog, request.What);
            read = push.Outcome.Refused > 0 ? null : ReadOf(selection, source, request.Context);
            kept = request.PredictionId.Length == 0 || read is null ? null : QuestionOf(request, source, read);
            outcome = await ingestion.CommitAsync(push, wait: false, cancellationToken).ConfigureAwait(false);
        }

        var response = new ObserveAndGetResponse { Token = PushResponses.TokenOf(outcome) };
        if (read is null)
        {
            response.Result = EventResult.Quarantined;
            response.Refusal = PushResponses.RefusalOf(outcome.Refusals[0]);
            return response;
        }

        response.Result = (EventResult)(outcome.Results.IsEmpty ? 0 : outcome.Results[0]);
        await reads.AwaitAsync(read, TokenOfRead(read), cancellationToken).ConfigureAwait(false);
        await reads.Host.ReadAsync(read, cancellationToken).ConfigureAwait(false);
        if (kept is not null)
        {
            await predictions.KeepAsync(kept, read, catalog, cancellationToken).ConfigureAwait(false);
        }

        response.Features = FeatureAnswer.Of(read, reads.Host, request.Compact);
        return response;
    }

    /// <summary>What GetFeatures would be asked for the same answer.</summary>
    private static GetFeaturesRequest QuestionOf(ObserveAndGetRequest request, ObservedEvent source, FeatureRead read)
    {
        var question = new GetFeaturesRequest { AsOfMicros = { source.Time.Micros }, PredictionIds = { request.PredictionId } };
        question.Keys.AddRange(source.Keys(read.Selection));
        question.Context.AddRange(request.Context);
        Predictions.Check(question, read.Rows);
        return question;
    }

    private static FeatureRead ReadOf(Selection selection, ObservedEvent source, IList<ContextColumn> context)
    {
        var keys = new RowKeys(selection, source.Keys(selection));
        if (keys.Rows > 1)
        {
            throw Refuse.Argument("keys", $"{keys.Rows} rows of keys for one event", "give each key field one entry");
        }

        var read = new FeatureRead(selection, rows: 1);
        keys.Encode(read.Keys, firstRow: 0);
        RequestContext.Of(selection, context).Fill(read.Context, rows: 1, firstRow: 0);
        read.AsOf[0] = source.Time;
        return read;
    }

    /// <summary>Everything durable where the read's entities live: also the original of a duplicate, which some other call may have brought just now.</summary>
    private ConsistencyToken TokenOfRead(FeatureRead read)
    {
        var token = new ConsistencyToken();
        ImmutableArray<EntityRead> entities = read.Selection.Entities;
        for (int index = 0; index < entities.Length; index++)
        {
            PartitionId partition = reads.Host.Partitions.Of(entities[index].Entity, read.Keys[index].Span);
            LogOffset durable = reads.Host.DurableOffset(partition);
            if (durable != LogOffset.None)
            {
                token.Partitions.Add((uint)partition.Value);
                token.Offsets.Add((ulong)durable.Value);
            }
        }

        return token;
    }
}
