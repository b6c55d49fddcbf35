using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Explanations;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Operations;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Gateway.Registry;
using OrleansFeatures.Log;
using Selection = OrleansFeatures.Domain.Definitions.Selection;
using Wire = OrleansFeatures.V1;

namespace OrleansFeatures.Gateway.Serve;

/// <summary>Why a value is what it is, for people who ask. Any thread; so many at once as <see cref="Limits.ExplainsAtOnceMax"/> says, because each goes through the log.</summary>
public sealed class Explanations(FeatureReads reads)
{
    private int _underWay;

    /// <exception cref="RequestRefusedException">The request contradicts the contract or the definitions, or enough others are under way.</exception>
    /// <exception cref="ExplanationTooLongException">The window holds too many events.</exception>
    public async Task<Wire.ExplainResponse> ExplainAsync(Wire.ExplainRequest request, CancellationToken cancellationToken)
    {
        int listMax = ListMaxOf(request);
        Wire.GetFeaturesRequest question = QuestionOf(request);
        if (Interlocked.Increment(ref _underWay) > Limits.ExplainsAtOnceMax)
        {
            Interlocked.Decrement(ref _underWay);
            throw Refuse.Busy("", $"{Limits.ExplainsAtOnceMax} explanations are under way, and each goes through the log", "ask again when they are done");
        }

        try
        {
            return await ExplainCurrentAsync(question, listMax, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            Interlocked.Decrement(ref _underWay);
        }
    }

    private async Task<Wire.ExplainResponse> ExplainCurrentAsync(Wire.GetFeaturesRequest question, int listMax, CancellationToken cancellationToken)
    {
        try
        {
            return await ExplainOnceAsync(question, listMax, cancellationToken).ConfigureAwait(false);
        }
        catch (DefinitionsChangedException)
        {
            // Once more with the new definitions, as lookups do.
            return await ExplainOnceAsync(question, listMax, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<Wire.ExplainResponse> ExplainOnceAsync(Wire.GetFeaturesRequest question, int listMax, CancellationToken cancellationToken)
    {
        Catalog catalog = reads.Host.Catalog;
        Selection selection = reads.Resolve(catalog, question.What);
        if (selection.Columns.Length != 1)
        {
            throw Refuse.Argument("feature", $"'{question.What.Features.Names[0]}' is {selection.Columns.Length} features", "name one, as view:feature");
        }

        FeatureRead read = reads.Prepare(selection, question, DateTime.MaxValue);
        if (read.Rows != 1)
        {
            throw Refuse.Argument("keys", $"{read.Rows} rows", "ask about one");
        }

        await AwaitAcknowledgedAsync(read, cancellationToken).ConfigureAwait(false);
        if (question.AsOfStreamTime)
        {
            read.AsOf[0] = StreamTime.Of(selection, reads.Host);
        }

        IReadOnlyList<ExplainedValue> values = await reads.Host.ExplainAsync(read, listMax, cancellationToken).ConfigureAwait(false);
        return AnswerOf(catalog, read, values);
    }

    /// <summary>Whoever pushed an event and then asks why it does not count is answered from a state that has seen it.</summary>
    private async Task AwaitAcknowledgedAsync(FeatureRead read, CancellationToken cancellationToken)
    {
        for (int index = 0; index < read.Keys.Length; index++)
        {
            PartitionId partition = reads.Host.Partitions.Of(read.Selection.Entities[index].Entity, read.Keys[index].Span);
            await reads.Host.WaitAppliedAsync(new PartitionOffset(partition, reads.Host.DurableOffset(partition)), cancellationToken).ConfigureAwait(false);
        }
    }

    private Wire.ExplainResponse AnswerOf(Catalog catalog, FeatureRead read, IReadOnlyList<ExplainedValue> values)
    {
        var response = new Wire.ExplainResponse { AsOfMicros = read.AsOf[0].Micros };
        if (read.KnownAt[0] != EventTime.Never)
        {
            response.KnownAtMicros = read.KnownAt[0].Micros;
        }

        if (!read.Selection.IsPlain)
        {
            response.Features.Add(OnDemandOf(catalog, read, values));
        }

        if (values.Count == 0)
        {
            return response;
        }

        AnswerLayout layout = AnswerLayout.Of(reads.Resolve(catalog, SelectionOf(values.Select(value => value.Log.Feature.Reference))));
        response.Features.AddRange(values.Select((value, index) => FeatureOf(catalog, layout.Columns[index], value)));
        return response;
    }

    /// <summary>The on-demand feature, from what entities answered and from what their events give.</summary>
    private static Wire.ExplainedFeature OnDemandOf(Catalog catalog, FeatureRead read, IReadOnlyList<ExplainedValue> values)
    {
        var again = new FeatureRead(read.Selection, rows: 1);
        read.Context.CopyTo(again.Context.AsSpan());
        int[] positions = [.. read.Selection.Entities.SelectMany(entity => entity.Positions)];
        for (int index = 0; index < positions.Length; index++)
        {
            // The events of a window do not tell that it has expired, and an expression may have an answer to that.
            again.Values[positions[index]] = values[index].Live.Status == FeatureStatus.OutsideMaxAge ? values[index].Live : values[index].Log.Recomputed;
        }

        FeatureValue value = read.Answer(0, 1)[0];
        FeatureValue recomputed = again.Answer(0, 1)[0];
        OnDemandPlan plan = read.Selection.OnDemand[0].Plan;
        return new Wire.ExplainedFeature
        {
            Column = AnswerLayout.Of(read.Selection).Columns[0],
            Value = FeatureAnswer.Cell(value, FeatureShape.Scalar),
            Recomputed = FeatureAnswer.Cell(recomputed, FeatureShape.Scalar),
            Definition = FeatureLine.Of(catalog.Definitions, plan),
            DefinitionHash = FeatureLine.Hash(catalog.Definitions, plan),
            Agreement = (Wire.Agreement)ExplainedValue.AgreementOf(value, recomputed),
        };
    }

    private Wire.ExplainedFeature FeatureOf(Catalog catalog, Wire.FeatureColumn column, ExplainedValue value)
    {
        FeatureExplanation log = value.Log;
        var feature = new Wire.ExplainedFeature
        {
            Column = column,
            Value = FeatureAnswer.Cell(value.Live, log.Feature.Shape),
            Recomputed = FeatureAnswer.Cell(log.Recomputed, log.Feature.Shape),
            Definition = FeatureLine.Of(catalog.Definitions, log.Feature),
            DefinitionHash = FeatureLine.Hash(catalog.Definitions, log.Feature),
            WindowThroughMicros = log.ThroughMicros,
            Contributing = (ulong)log.Counts.GetValueOrDefault(Exclusion.None),
            State = new Wire.EntityState
            {
                Entity = value.Entity.Name,
                StateVersion = (ulong)value.State.StateVersion,
                LastEventTimeMicros = value.State.LastEventTimeMicros,
                CompleteThroughMicros = StreamTime.Of(value.Entity, reads.Host) ?? 0,
            },
            Partition = (uint)value.Partition.Value,
            Agreement = (Wire.Agreement)value.Agreement,
        };
        if (log.AfterMicros != long.MinValue)
        {
            feature.WindowAfterMicros = log.AfterMicros;
        }

        feature.Exclusions.AddRange(log.Counts.Where(pair => pair.Key != Exclusion.None).OrderBy(pair => pair.Key).Select(pair => new Wire.ExclusionCount { Reason = (Wire.Exclusion)pair.Key, Events = (ulong)pair.Value }));
        feature.Excluded = feature.Exclusions.Aggregate(0UL, (sum, count) => sum + count.Events);
        feature.Events.AddRange(log.Events.Select(EventOf));
        return feature;
    }

    private static Wire.ExplainedEvent EventOf(ExplainedEvent told)
    {
        var wire = new Wire.ExplainedEvent
        {
            Id = FeatureAnswer.Of(told.Id),
            EventTimeMicros = told.Time.Micros,
            ArrivalTimeMicros = told.Arrival.Micros,
            Operation = (Wire.Operation)told.Operation,
            Excluded = (Wire.Exclusion)told.Exclusion,
            Value = FeatureAnswer.Of(told.Value),
            Partition = (uint)told.Place.Partition,
            Offset = (ulong)told.Place.Offset,
            Sequence = (ulong)told.Place.Sequence,
        };
        if (told.SupersededBy >= 0)
        {
            wire.SupersededBySequence = (ulong)told.SupersededBy;
        }

        return wire;
    }

    private static Wire.FeatureSelection SelectionOf(IEnumerable<string> names) => new() { Features = new Wire.FeatureList { Names = { names } } };

    private static int ListMaxOf(Wire.ExplainRequest request) => request.EventsMax switch
    {
        0 => Limits.ExplainListDefault,
        <= Limits.ExplainListMax => (int)request.EventsMax,
        _ => throw Refuse.Argument("events_max", $"{request.EventsMax} events", $"ask for at most {Limits.ExplainListMax}; the counts are of all in any case"),
    };

    private static Wire.GetFeaturesRequest QuestionOf(Wire.ExplainRequest request)
    {
        if (request.Feature.Length == 0)
        {
            throw Refuse.Argument("feature", "it is missing", "name one feature, as view:feature");
        }

        var question = new Wire.GetFeaturesRequest { What = SelectionOf([request.Feature]), AsOfStreamTime = request.AsOfStreamTime };
        question.Keys.AddRange(request.Keys);
        question.Context.AddRange(request.Context);
        if (request.HasAsOfMicros)
        {
            question.AsOfMicros.Add(request.AsOfMicros);
        }

        if (request.HasKnownAtMicros)
        {
            question.KnownAtMicros.Add(request.KnownAtMicros);
        }

        return question;
    }
}
