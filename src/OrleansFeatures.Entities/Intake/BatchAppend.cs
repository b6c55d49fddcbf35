using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.Intake;

/// <summary>
/// Brings one batch into the log, in parts that are each durable before the next is built:
/// <code>
///   inserts ──durable──> corrections that are first in their lines ──durable──> those that have become first ──durable──> ...
///                             reads the versions that they replace                 waits when none is
/// </code>
/// Every correction thus meets the version before it in the log, whether that came from history, another batch, or this one. What a failure leaves is whole events: each
/// part's are in or not, and a retry finds those that are in to be duplicates.
/// </summary>
public sealed class BatchAppend(IAppendTarget log, EventIntake intake, RawHistory raw, IntakeBatch batch)
{
    private bool _any;

    /// <summary>False if the log's queue is full, <paramref name="wait"/> is not set, and nothing was appended. Later parts wait in any case.</summary>
    public async ValueTask<bool> RunAsync(bool wait, CancellationToken cancellationToken)
    {
        // Before the first wait, so that one connection's corrections stand in line in the order in which it sent them.
        Correction[] corrections = [.. batch.Unresolved];
        intake.Lines.Enter(corrections);
        bool done = false;
        try
        {
            done = await AppendInsertsAsync(wait, cancellationToken)
                && (corrections.Length == 0 || await AppendCorrectionsAsync(wait, cancellationToken));
        }
        catch (LogException failure)
        {
            batch.Fail(failure);
            throw;
        }
        finally
        {
            if (done)
            {
                batch.Succeed();
            }
            else
            {
                batch.Fail(cause: null);
            }

            // Only now that nothing is claimed by this batch any more: whoever is next takes a claim that it finds for that of an insert under way.
            foreach (Correction correction in corrections)
            {
                intake.Lines.Leave(correction);
            }
        }

        return done;
    }

    private async ValueTask<bool> AppendInsertsAsync(bool wait, CancellationToken cancellationToken)
    {
        LogSequence first = LogSequence.None;
        if (batch.Records.Count > 0)
        {
            if (await AppendAsync(batch.Records, batch.Marks, wait, cancellationToken) is not { } receipt)
            {
                return false;
            }

            first = receipt.First;
        }

        batch.InsertsSucceed(first);
        return true;
    }

    private async ValueTask<bool> AppendCorrectionsAsync(bool wait, CancellationToken cancellationToken)
    {
        using IRecordLookup lookup = log.Lookup();
        (EntityKeys, EntityKeys) keys = (new EntityKeys(), new EntityKeys());
        while (batch.Unresolved.Count > 0)
        {
            Task woken = batch.Woken();
            var part = new CorrectionPart(intake, batch, lookup, raw, keys);
            bool progress = TakeFirsts(part);
            if (part.Written.Count > 0)
            {
                if (await AppendAsync(part.Records, part.Marks, wait, cancellationToken) is not { } receipt)
                {
                    return false;
                }

                batch.CorrectionsSucceed(part.Written, receipt.First);
                part.Written.ForEach(intake.Lines.Leave);
            }
            else if (!progress)
            {
                // Ended by another batch that leaves a line, or whose inserts are durable or given up.
                await Background.WaitAsync(woken, cancellationToken);
            }
        }

        return true;
    }

    /// <summary>Looks at every correction that is first in its line, as far as one part holds. One that needs no record makes way at once.</summary>
    private bool TakeFirsts(CorrectionPart part)
    {
        bool progress = false;
        foreach (Correction correction in batch.Unresolved)
        {
            if (correction.IsFirst && part.Records.Bytes < Limits.CorrectionPartBytesMax)
            {
                Taking taking = part.Take(correction);
                progress |= taking != Taking.Waits;
                if (taking == Taking.Resolved)
                {
                    intake.Lines.Leave(correction);
                }
            }
        }

        batch.Tidy();
        return progress;
    }

    private async ValueTask<AppendReceipt?> AppendAsync(AppendBatch records, TimeMarks marks, bool wait, CancellationToken cancellationToken)
    {
        records.Tag = marks;
        AppendReceipt? receipt = await log.AppendAsync(records, wait || _any, cancellationToken);
        _any |= receipt is not null;
        return receipt;
    }
}
