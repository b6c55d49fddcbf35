using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities.Following;
using OrleansFeatures.Entities;
using OrleansFeatures.Gateway.Registry;
using OrleansFeatures.Gateway.Serve;
using OrleansFeatures.Log;
using OrleansFeatures.V1;

namespace OrleansFeatures.Gateway.Amendments;

/// <summary>
/// The life of a prediction, from when it is durable to when it is let go:
/// <code>
///   GetFeatures ─> Predictions: durable ─> answer sent
///                       │ taken up: watched, and asked again once, behind everything durable
///   log ─> follower ─> a change of an entity that a prediction reads at that instant or later ─> asked again
///                                                                 │ differs from what was said         │ live state has forgotten
///                                                                 v                                    v
///                                           amendment, what is said now, place in the log      due: the log is asked, some together
///                                           (one transaction) ─> subscribers
///   let go: too old, or too many; retired: its definitions are not what they were
/// </code>
/// <para><b>No change is missed.</b> A change is either in the log behind the follower's place when the prediction is watched, and is met there; or it was durable before, and the question on taking up waits for it to be
/// applied. The place moves only with what was found before it, so a process that dies is continued where it stood.</para>
/// <para><b>None is told twice.</b> An amendment is a difference from what was said last, and what is said moves in the same transaction. Changes that lie close together make one amendment.</para>
/// <para>One process of those that share the database does it. Should two believe to have the turn, the second one's commit finds another version of the head, and writes nothing.</para>
/// </summary>
internal sealed class AmendmentDetection(
    KeptAmendments amendments, Predictions predictions, PredictionHistory history, FeatureReads reads, DefinitionRegistry registry, TimeProvider time, ILogger<AmendmentDetection> logger) : BackgroundService
{
    /// <summary>Drawn once, for <see cref="Metadata.MetadataDatabase.TryTakeTurn"/>.</summary>
    private const long Turn = 0x616D_656E_6473_0001;

    private readonly PredictionTable _table = predictions.Table;
    private readonly Recheck _recheck = new(reads, registry, time);
    private AmendmentHead _head = new(0, -1, 0, 0, 0);
    private AmendmentHead _written = new(0, -1, 0, 0, 0);
    private WatchedEntities _watched = new();
    private HistoryAnswers? _history;
    private long _letGoAt;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield();
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                using IDisposable? turn = _table.Database.TryTakeTurn(Turn);
                if (turn is not null)
                {
                    await WatchAsync(stoppingToken).ConfigureAwait(false);
                }
            }
            catch (DefinitionsChangedException)
            {
                // This server has yet to hear of the definitions that are live; another that has may take the turn meanwhile.
            }
            catch (Exception failure)
            {
                // The top of the loop: nothing was written but whole steps, so it goes on from the last of them, once disk, log or owners answer again.
                if (!stoppingToken.IsCancellationRequested)
                {
                    LogMessages.AmendmentsHeldUp(logger, failure.Message, failure);
                }
            }

            await Task.Delay(Limits.AmendmentRetryAfter, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>For as long as it has the turn: while nothing is kept, the log is left alone.</summary>
    private async Task WatchAsync(CancellationToken cancellationToken)
    {
        _head = _written = amendments.Table.Head();
        await using var historyAnswers = new HistoryAnswers(_table, _recheck, time);
        _history = historyAnswers;
        while (true)
        {
            for (Task kept = predictions.NextKept; _table.IsEmpty(); kept = predictions.NextKept)
            {
                await Task.WhenAny(kept, Task.Delay(Limits.AmendmentTick, time, cancellationToken)).ConfigureAwait(false);
                cancellationToken.ThrowIfCancellationRequested();
            }

            _watched = WatchedEntities.Load(_table, _head.TakenUp);
            if (_watched.IsEmpty)
            {
                // Everything that is kept is taken up from here on, each behind whatever is durable then.
                _head = _head with { LogThrough = reads.Host.DurableSequence.Value };
            }

            try
            {
                await FollowAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (LogTruncatedException)
            {
                // What lay between is gone from the log, and may have changed any of them: all are asked again.
                _head = _head with { LogThrough = reads.Host.DurableSequence.Value, TakenUp = 0 };
                Write(new AmendmentStep());
            }
        }
    }

    /// <summary>Until nothing is kept any more, or the entities are to be loaded anew.</summary>
    private async Task FollowAsync(CancellationToken cancellationToken)
    {
        using var following = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await using IAsyncEnumerator<AppliedChanges> slices = reads.Host.FollowAsync(new LogSequence(_head.LogThrough), _watched.Wants, following.Token).GetAsyncEnumerator(following.Token);
        Task<bool> next = slices.MoveNextAsync().AsTask();
        try
        {
            Task tick = Task.Delay(Limits.AmendmentTick, time, following.Token);
            while (true)
            {
                Task kept = predictions.NextKept;
                await TakeUpAsync(cancellationToken).ConfigureAwait(false);
                await Task.WhenAny(next, kept, tick).ConfigureAwait(false);
                if (next.IsCompleted)
                {
                    await next.ConfigureAwait(false);
                    await CheckAsync(slices.Current, cancellationToken).ConfigureAwait(false);
                    next = slices.MoveNextAsync().AsTask();
                }

                if (tick.IsCompleted)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    if (KeepHouse())
                    {
                        return;
                    }

                    tick = Task.Delay(Limits.AmendmentTick, time, following.Token);
                }
            }
        }
        finally
        {
            // The log is let go of before its enumerator is.
            await following.CancelAsync().ConfigureAwait(false);
            await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>
    /// Watches what was kept since. First watched, then asked: a change that the follower has passed before is durable by then, and the question waits until it is applied.
    /// </summary>
    private async Task TakeUpAsync(CancellationToken cancellationToken)
    {
        for (List<Prediction> page = _table.Behind(_head.TakenUp, Limits.AmendmentPage); page.Count > 0; page = page.Count < Limits.AmendmentPage ? [] : _table.Behind(_head.TakenUp, Limits.AmendmentPage))
        {
            foreach ((long entity, long asOf) in _table.EntitiesOf(_head.TakenUp, page[^1].Sequence))
            {
                _watched.Add(entity, asOf);
            }

            var step = new AmendmentStep();
            await _recheck.LiveAsync(page.Select(prediction => new RecheckQuestion(prediction, Cause: null)), afterDurable: true, step, cancellationToken).ConfigureAwait(false);
            _head = _head with { TakenUp = page[^1].Sequence };
            WriteIfFound(step);
        }
    }

    /// <summary>Asks again whatever a slice of the log may have changed, a page at a time; the place moves behind the slice with the last one.</summary>
    private async Task CheckAsync(AppliedChanges slice, CancellationToken cancellationToken)
    {
        var page = new Dictionary<long, RecheckQuestion>();
        foreach ((long entity, (long since, EntityChange newest)) in Concerned(slice))
        {
            AmendmentCause cause = CauseOf(newest);
            for (List<Prediction> found = _table.Concerned(entity, new EventTime(since), 0, Limits.AmendmentPage); found.Count > 0; found = _table.Concerned(entity, new EventTime(since), found[^1].Sequence, Limits.AmendmentPage))
            {
                foreach (Prediction prediction in found)
                {
                    page[prediction.Sequence] = new RecheckQuestion(prediction, cause);
                }

                if (page.Count >= Limits.AmendmentPage)
                {
                    await AskAsync(page, cancellationToken).ConfigureAwait(false);
                }
            }
        }

        await AskAsync(page, cancellationToken).ConfigureAwait(false);
        _head = _head with { LogThrough = slice.Through.Value };
    }

    private async Task AskAsync(Dictionary<long, RecheckQuestion> page, CancellationToken cancellationToken)
    {
        if (page.Count > 0)
        {
            var step = new AmendmentStep();
            await _recheck.LiveAsync(page.Values, afterDurable: false, step, cancellationToken).ConfigureAwait(false);
            WriteIfFound(step);
            page.Clear();
        }
    }

    /// <summary>By entity, from when on its predictions are concerned: an event changes what is read at its time or later, a correction also at the time of what it replaces.</summary>
    private Dictionary<long, (long Since, EntityChange Newest)> Concerned(AppliedChanges slice)
    {
        var concerned = new Dictionary<long, (long Since, EntityChange Newest)>();
        foreach (EntityChange change in slice.Changes)
        {
            long entity = Prediction.EntityOf(change.EntityType, change.Key.Span);
            long since = change.Operation == EventOperation.Insert ? change.Time.Micros : Math.Min(change.Time.Micros, change.PreviousTime.Micros);
            if (_watched.IsReadSince(entity, since))
            {
                concerned[entity] = (concerned.TryGetValue(entity, out (long Since, EntityChange Newest) known) ? Math.Min(known.Since, since) : since, change);
            }
        }

        return concerned;
    }

    /// <summary>Each second. True: the entities are to be loaded anew, if there are any left.</summary>
    private bool KeepHouse()
    {
        if (_history!.TryTake(out AmendmentStep? answers))
        {
            WriteIfFound(answers);
        }

        long now = time.GetTimestamp();
        if (_letGoAt == 0 || time.GetElapsedTime(_letGoAt, now) >= Limits.PredictionsLetGoEvery)
        {
            _letGoAt = now;
            _table.LetGoServedBefore(EventTime.From(time.GetUtcNow() - history.Horizon));
        }

        if (_head != _written)
        {
            Write(new AmendmentStep());
        }

        return _watched.IsOutgrown || _table.IsEmpty();
    }

    private void WriteIfFound(AmendmentStep step)
    {
        if (!step.IsEmpty)
        {
            Write(step);
        }
    }

    private void Write(AmendmentStep step)
    {
        AmendmentHead before = _head;
        _head = _written = amendments.Table.Commit(_head, step) ?? throw new InvalidOperationException("another process has followed the log meanwhile; its place is taken over when the turn comes");
        amendments.Written(_head.Newest - before.Newest);
    }

    private AmendmentCause CauseOf(in EntityChange change)
    {
        Catalog catalog = reads.Host.Catalog;
        return new AmendmentCause
        {
            Entity = catalog.Entity(change.EntityType)?.Name ?? "",
            Stream = catalog.Stream(change.Stream)?.Name ?? "",
            Operation = change.Operation switch
            {
                EventOperation.Insert => Operation.Insert,
                EventOperation.Delete => Operation.Delete,
                _ => Operation.Upsert,
            },
            EventTimeMicros = change.Time.Micros,
            ArrivalTimeMicros = change.Arrival.Micros,
            Sequence = (ulong)change.Sequence.Value,
        };
    }
}
