using Microsoft.Extensions.Logging;
using OrleansFeatures.Domain;
using OrleansFeatures.Log;
using OrleansFeatures.Postgres.Log;
using OrleansFeatures.Silo.Streams;

namespace OrleansFeatures.Silo.Grains;

/// <summary>
/// Applies a partition's records in order, exactly once in effect, wherever they come from. The position is its own, so the stream may deliver a batch twice, or lose one:
/// <code>
///   Applied = 41      batch 38..45: 42..45 are new         overlap, trimmed
///                     batch 42..50                         the next
///                     batch 60..70: 42..59 are read        gap, read again from the log
/// </code>
/// One turn at a time. Deliveries that find others waiting are let go, and the one at work reads on from the log by itself; so nothing queues here, however far behind it is.
/// </summary>
internal sealed class PartitionOwner(PartitionHome home, PostgresLog log, IGrainFactory grains, EntityDelivery delivery, CheckpointWriter checkpoints, SiloMetrics metrics, ILogger logger)
{
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly CancellationTokenSource _stop = new();
    private readonly BatchByEntity _shares = new(home.Definitions.Catalog, grains, logger);
    private long _known = -1;
    private int _waiting;

    public PartitionHome Home => home;

    private Ownership Ownership => home.Ownership;

    /// <summary>Takes a batch that the stream has delivered. It has been applied when this completes, or somebody else is at it.</summary>
    public async Task TakeAsync(LogBatch batch)
    {
        Know(batch.Last);
        if (Interlocked.Increment(ref _waiting) > Limits.DeliveriesWaitingMax)
        {
            Interlocked.Decrement(ref _waiting);
            return;
        }

        try
        {
            await BeginTurnAsync();
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }

        try
        {
            if (batch.Last <= Ownership.Applied.Value)
            {
                return;
            }

            if (batch.First > Ownership.Applied.Value + 1)
            {
                metrics.GapRead();
                await ReadAsync(new LogOffset(batch.First - 1));
            }

            await ApplyAsync(batch.FirstOffset, batch.Frames);
            await ReadOnAsync();
        }
        finally
        {
            EndTurn();
        }
    }

    /// <summary>Applies everything through the offset, from the log.</summary>
    public async Task CatchUpAsync(LogOffset through)
    {
        Know(through.Value);
        await BeginTurnAsync();
        try
        {
            await ReadAsync(new LogOffset(Volatile.Read(ref _known)));
        }
        finally
        {
            EndTurn();
        }
    }

    /// <summary>Takes no more. What is under way ends first.</summary>
    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _turn.WaitAsync();
        _turn.Release();
    }

    private async Task BeginTurnAsync()
    {
        await _turn.WaitAsync(_stop.Token);
        home.IsAtWork = true;
    }

    private void EndTurn()
    {
        home.IsAtWork = false;
        _turn.Release();
    }

    private void Know(long offset)
    {
        long known = Volatile.Read(ref _known);
        while (offset > known && Interlocked.CompareExchange(ref _known, offset, known) != known)
        {
            known = Volatile.Read(ref _known);
        }
    }

    /// <summary>Batches that were let go while this turn was at work come from the log, unless others wait with theirs.</summary>
    private async Task ReadOnAsync()
    {
        while (Volatile.Read(ref _waiting) == 0 && Volatile.Read(ref _known) > Ownership.Applied.Value && !IsStopped)
        {
            await ReadAsync(new LogOffset(Volatile.Read(ref _known)));
        }
    }

    private async Task ReadAsync(LogOffset through)
    {
        while (Ownership.Applied.Value < through.Value && !IsStopped)
        {
            try
            {
                await log.ReadPartitionAsync(home.Partition, Ownership.Applied, through, async batch => await ApplyAsync(batch.First, batch.Frames), _stop.Token);
            }
            catch (PartitionTruncatedException truncated) when (Ownership.Applied == LogOffset.None)
            {
                // A rebuild begins where history does; what it cannot know it says (the floors of the home). Anywhere else something is missing that no checkpoint has, and the partition stands rather than pass over it.
                Ownership.Advance(new LogOffset(Math.Min(truncated.First.Value - 1, (await log.DurableOffsetNowAsync(home.Partition, _stop.Token)).Value)));
            }
        }
    }

    private async Task ApplyAsync(LogOffset first, ReadOnlyMemory<byte> frames)
    {
        await checkpoints.MakeRoomAsync(_stop.Token);
        LogRecords records = LogRecords.Of(frames, $"partition {home.Partition.Value} of the log");
        IReadOnlyList<EntityShare> shares = _shares.Take(records, Ownership.Applied);
        if (IsStopped || _shares.Last.Value <= Ownership.Applied.Value)
        {
            return;
        }

        InvariantException.Require(first.Value <= Ownership.Applied.Value + 1, $"partition {home.Partition.Value} was to apply offset {first} behind offset {Ownership.Applied}");
        if (!await delivery.DeliverAsync(home, shares, _stop.Token))
        {
            return;
        }

        Mark(shares);
        metrics.Applied(_shares.Last.Value - Ownership.Applied.Value);
        Ownership.Advance(_shares.Last);
    }

    /// <summary>Before the position moves: a checkpoint that begins in between saves more than it says, never less.</summary>
    private void Mark(IReadOnlyList<EntityShare> shares)
    {
        for (int from = 0; from < shares.Count; from += Entities.Limits.TurnRecordsMax)
        {
            using Lock.Scope turn = home.Enter();
            for (int index = from; index < Math.Min(from + Entities.Limits.TurnRecordsMax, shares.Count); index++)
            {
                home.Dirty_NeedsLock.Mark(shares[index].Name, shares[index].Last);
            }
        }
    }

    private bool IsStopped => _stop.IsCancellationRequested || Ownership.IsOver;
}
