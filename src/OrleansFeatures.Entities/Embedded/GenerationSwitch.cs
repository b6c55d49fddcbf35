using Microsoft.Extensions.Logging;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Entities.Checkpoints;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.Embedded;

/// <summary>
/// Builds another generation of state from the log beside the live one, saves it, and lets it take over:
/// <code>
///   replay what is there ──> save it, so that it can sleep ──> [ pushes wait: replay the rest, save it as complete, commit, switch ]
/// </code>
/// Whatever fails before the switch leaves the live generation as it was, in memory and on disk.
/// </summary>
internal sealed class GenerationSwitch(EventLog log, MemoryBudget budget, ILogger logger)
{
    private LogSequence _replayed = LogSequence.None;

    /// <summary>Records applied.</summary>
    public long Count { get; private set; }

    public Generation? Next { get; private set; }

    /// <summary>Replays until little is left, while events come.</summary>
    /// <param name="change">Holds checkpoints off.</param>
    /// <param name="catalog">The next definitions, or the same.</param>
    /// <param name="from">The first record to apply.</param>
    /// <param name="floors">What is missing before it.</param>
    /// <param name="progress">Told from time to time.</param>
    /// <param name="cancellationToken">Gives it up.</param>
    public async Task BuildAsync(GenerationChange change, Catalog catalog, LogSequence from, IReadOnlyDictionary<uint, long> floors, IProgress<HistoryProgress>? progress, CancellationToken cancellationToken)
    {
        Next = new Generation(catalog, change.Live.Number + 1, budget, change.Place, change.History, floors);
        _replayed = new LogSequence(from.Value - 1);
        do
        {
            await ReplayAsync(Limits.ReplaySliceRecords, progress, cancellationToken);
            if (budget.IsOver)
            {
                await change.SaveUnfinishedAsync(Next, _replayed, cancellationToken);
            }
        }
        while (log.DurableSequence.Value - _replayed.Value > Limits.ReplayTailRecords);

        await change.SaveUnfinishedAsync(Next, _replayed, cancellationToken);
    }

    /// <summary>Nothing is appended any more, and everything is applied: replays the rest and saves all of it.</summary>
    public async Task FinishAsync(GenerationChange change, CancellationToken cancellationToken)
    {
        await ReplayAsync(long.MaxValue, null, cancellationToken);
        Next!.PassOverWhatNeverComes(log);
        await change.SaveAsync(Next!, _replayed, cancellationToken);
    }

    private async Task ReplayAsync(long most, IProgress<HistoryProgress>? progress, CancellationToken cancellationToken)
    {
        LogSequence end = log.DurableSequence;
        var through = new LogSequence(end.Value - _replayed.Value > most ? _replayed.Value + most : end.Value);
        Count += await Background.Run(() => Next!.Replay(log, _replayed, through, null, logger, cancellationToken), cancellationToken);
        _replayed = through;
        progress?.Report(new HistoryProgress(Count, Count + end.Value - through.Value));
    }
}
