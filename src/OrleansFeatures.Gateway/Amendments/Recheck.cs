using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Gateway.Registry;
using OrleansFeatures.Gateway.Serve;
using OrleansFeatures.Log;
using OrleansFeatures.V1;
using Google.Protobuf;
using Selection = OrleansFeatures.Domain.Definitions.Selection;

namespace OrleansFeatures.Gateway.Amendments;

/// <summary>A prediction that is to be asked again, and why.</summary>
/// <param name="Prediction">As it is kept.</param>
/// <param name="Cause">What was applied; null where that is not known, because it came before the prediction was watched.</param>
/// <param name="Due">The mark by which the log is asked; null for live state.</param>
internal sealed record RecheckQuestion(Prediction Prediction, AmendmentCause? Cause, byte[]? Due = null);

/// <summary>
/// Asks predictions again, at their own instants and with everything known by now, by the code that served them; what has changed goes into a step. Those that ask the same way are one read.
/// Fails with <see cref="DefinitionsChangedException"/> where it is not known yet whether the definitions of a prediction are gone.
/// </summary>
internal sealed class Recheck(FeatureReads reads, DefinitionRegistry registry, TimeProvider time)
{
    /// <summary>From live state. With <paramref name="afterDurable"/> only once that has applied what is durable where the predictions' entities live.</summary>
    public Task LiveAsync(IEnumerable<RecheckQuestion> questions, bool afterDurable, AmendmentStep step, CancellationToken cancellationToken) =>
        ForEachGroupAsync(questions, step, async read =>
        {
            if (afterDurable)
            {
                await AwaitDurableAsync(read, cancellationToken).ConfigureAwait(false);
            }

            await reads.Host.ReadAsync(read, cancellationToken).ConfigureAwait(false);
        });

    /// <summary>From the log, where live state does not reach. Costs a pass over it for each way of asking, after the turn for it has come, which is when <paramref name="progress"/> hears of it first.</summary>
    public Task HistoryAsync(IEnumerable<RecheckQuestion> questions, AmendmentStep step, IProgress<HistoryProgress> progress, CancellationToken cancellationToken) =>
        ForEachGroupAsync(questions, step, read => reads.Host.ReadHistoryAsync(read, progress, cancellationToken).AsTask());

    private async Task ForEachGroupAsync(IEnumerable<RecheckQuestion> questions, AmendmentStep step, Func<FeatureRead, Task> fill)
    {
        foreach (List<RecheckQuestion> group in Groups(questions))
        {
            Catalog catalog = reads.Host.Catalog;
            if (SelectionOf(group[0].Prediction, catalog) is not { } selection)
            {
                RequireLive(catalog);
                step.Retired.AddRange(group.Select(question => question.Prediction.Sequence));
                continue;
            }

            FeatureRead read = reads.Prepare(selection, Questions.Together([.. group.Select(question => question.Prediction)]), DateTime.MaxValue);
            using PartialRows? partial = read.Partial;
            await fill(read).ConfigureAwait(false);
            for (int row = 0; row < group.Count; row++)
            {
                Compare(group[row], read, row, catalog, step);
            }
        }
    }

    private void Compare(RecheckQuestion question, FeatureRead read, int row, Catalog catalog, AmendmentStep step)
    {
        Prediction prediction = question.Prediction;
        if (read.Partial!.IsGivenUp(row))
        {
            // Unavailable, or damaged: it is asked again when the log is.
            step.Due.Add((prediction.Sequence, MarkOf(question)));
            return;
        }

        FeatureRows now = FeatureAnswer.Rows(read, row, 1);
        List<AmendedFeature> changed = VectorDifference.Of(AnswerLayout.Of(read.Selection), prediction, now, out bool isForgotten);
        if (isForgotten && question.Due is null)
        {
            step.Due.Add((prediction.Sequence, MarkOf(question)));
        }
        else if (changed.Count > 0)
        {
            step.Amended.Add((prediction, now, AmendmentOf(question, changed), question.Due));
        }
        else if (question.Due is { } mark)
        {
            step.Settled.Add((prediction.Sequence, mark));
        }
    }

    private Amendment AmendmentOf(RecheckQuestion question, List<AmendedFeature> changed)
    {
        Prediction prediction = question.Prediction;
        var amendment = new Amendment
        {
            PredictionId = prediction.Id,
            Selection = prediction.SelectionText,
            AsOfMicros = prediction.AsOf.Micros,
            ServedAtMicros = prediction.ServedAt.Micros,
            AmendedAtMicros = EventTime.From(time.GetUtcNow()).Micros,
            Cause = question.Cause,
        };
        amendment.Keys.AddRange(prediction.Question.Keys);
        amendment.Features.AddRange(changed);
        return amendment;
    }

    /// <summary>Another process may have served them by definitions that this one has not heard of yet, and what is retired does not come back.</summary>
    private void RequireLive(Catalog catalog)
    {
        if (!registry.IsLive(catalog))
        {
            throw new DefinitionsChangedException();
        }
    }

    /// <summary>What the prediction selects, if that still means what it meant.</summary>
    private Selection? SelectionOf(Prediction prediction, Catalog catalog)
    {
        try
        {
            Selection selection = reads.Resolve(catalog, prediction.Question.What);
            return SelectionHash.Of(selection, catalog) == prediction.DefinitionHash ? selection : null;
        }
        catch (RequestRefusedException)
        {
            // A name of it is gone.
            return null;
        }
    }

    private async Task AwaitDurableAsync(FeatureRead read, CancellationToken cancellationToken)
    {
        int entities = read.Selection.Entities.Length;
        foreach (PartitionId partition in Enumerable.Range(0, read.Keys.Length).Select(index => reads.Host.Partitions.Of(read.Selection.Entities[index % entities].Entity, read.Keys[index].Span)).Distinct())
        {
            await reads.Host.WaitAppliedAsync(new PartitionOffset(partition, reads.Host.DurableOffset(partition)), cancellationToken).ConfigureAwait(false);
        }
    }

    private static List<List<RecheckQuestion>> Groups(IEnumerable<RecheckQuestion> questions)
    {
        var groups = new List<List<RecheckQuestion>>();
        foreach (RecheckQuestion question in questions)
        {
            List<RecheckQuestion>? group = groups.Find(group =>
                group.Count < Limits.RowsPerReadMax && group[0].Prediction.DefinitionHash == question.Prediction.DefinitionHash && Questions.AreAlike(group[0].Prediction.Question, question.Prediction.Question));
            if (group is null)
            {
                groups.Add(group = []);
            }

            group.Add(question);
        }

        return groups;
    }

    /// <summary>Another cause is another mark, so that what is found out about one does not settle the next.</summary>
    private static byte[] MarkOf(RecheckQuestion question) => (question.Cause ?? new AmendmentCause()).ToByteArray();
}
