using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Entities;
using OrleansFeatures.Gateway.Ingest;
using OrleansFeatures.Log;

namespace OrleansFeatures.Gateway.Feast;

/// <summary>
/// Feast's push: rows of a data frame into the stream that has the push source's name. Feast's clients have no tokens and read at once what they have written, so the answer waits until reads see it. They also
/// look at nothing but the status, so a refused row fails the call; the other rows are in the store then, and the same push may be repeated. Any thread.
/// </summary>
public sealed class FramePush(Ingestion ingestion, IEntityHost host, TimeProvider time)
{
    private static readonly string[] Targets = ["online", "online_and_offline"];

    /// <exception cref="RequestRefusedException">The push or a row of it contradicts the stream's schema, or there is no such stream.</exception>
    internal async Task<PushOutcome> PushAsync(string source, string to, IReadOnlyList<FrameColumn> columns, CancellationToken cancellationToken)
    {
        RequireOnline(to);
        if (host.Catalog.Stream(source) is null)
        {
            throw Refuse.Unknown(FeastErrors.PushSourceField, $"Unable to find push source '{source}': there is no stream of that name", NameSuggestion.DidYouMean(source, host.Catalog.Streams.Select(stream => stream.Name)));
        }

        PreparedPush push = await ingestion.PrepareAsync(new FrameSource(source, columns), cancellationToken).ConfigureAwait(false);
        PushOutcome outcome = await ingestion.CommitAsync(push, wait: false, cancellationToken).ConfigureAwait(false);
        await AwaitReadableAsync(outcome, cancellationToken).ConfigureAwait(false);
        return outcome.Refused == 0 ? outcome : throw RefusedRows(outcome);
    }

    private static void RequireOnline(string to)
    {
        if (to == "offline")
        {
            throw Refuse.Argument("to", "there is no offline store beside the online one", "send 'online': training queries (GetTrainingFeatures) read the same events");
        }

        if (!Targets.Contains(to))
        {
            throw Refuse.Argument("to", $"there is no push mode '{to}'", $"use one of {string.Join(", ", Targets)}");
        }
    }

    private async ValueTask AwaitReadableAsync(PushOutcome outcome, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(Limits.TokenWaitDefault, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            foreach ((int partition, long offset) in outcome.Positions)
            {
                await host.WaitAppliedAsync(new PartitionOffset(new PartitionId(partition), new LogOffset(offset)), either.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            // Durable is what a push promises. That it can be read at once is what a busy store gives up first.
        }
        catch (TooManyWaitersException)
        {
            // The same: so many wait already that the store is busy.
        }
    }

    private static RequestRefusedException RefusedRows(PushOutcome outcome)
    {
        PushRefusal first = outcome.Refusals[0];
        string field = first.Refusal.Field.Length == 0 ? "" : $".{first.Refusal.Field}";
        return Refuse.Argument($"df[{first.Index}]{field}", $"{first.Refusal.Reason} ({outcome.Refused} of {outcome.Count} rows were refused, the others are in the store)", first.Refusal.Fix);
    }
}
