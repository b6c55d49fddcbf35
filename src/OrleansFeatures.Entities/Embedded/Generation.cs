using Microsoft.Extensions.Logging;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Saving;
using OrleansFeatures.Entities.Checkpoints;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Log;
using OrleansFeatures.Log.Snapshots;

namespace OrleansFeatures.Entities.Embedded;

/// <summary>All state under one catalog. A change of definitions builds a new generation from the log and then takes the place of the old.</summary>
internal sealed class Generation
{
    /// <param name="catalog">The definitions.</param>
    /// <param name="number">Grows from one generation to the next.</param>
    /// <param name="budget">Of the process.</param>
    /// <param name="store">Where its entities are saved.</param>
    /// <param name="history">What intake knows, to be saved with them.</param>
    /// <param name="floors">What is missing from the history that it will be built from.</param>
    public Generation(Catalog catalog, long number, MemoryBudget budget, SnapshotStore store, IntakeHistory history, IReadOnlyDictionary<uint, long>? floors)
    {
        // A copy: what is cut from the log from now on, this generation will have seen.
        (Catalog, Number, Store, History, Floors) = (catalog, number, store, history, floors is null ? [] : new Dictionary<uint, long>(floors));
        Fingerprint = StateFingerprint.Of(catalog);
        Partitions = [.. Enumerable.Range(0, store.Options.PartitionCount).Select(_ => new Partition(catalog, budget, store, Floors))];
    }

    public Catalog Catalog { get; }

    public long Number { get; }

    public ulong Fingerprint { get; }

    public SnapshotStore Store { get; }

    /// <summary>By stream: the newest event time of history that it was built without.</summary>
    public Dictionary<uint, long> Floors { get; }

    public IntakeHistory History { get; }

    /// <summary>Its first checkpoint takes the place of whatever lies in its store.</summary>
    public bool ReplacesStore { get; set; } = true;

    public Partition[] Partitions { get; }

    /// <summary>Another generation has taken its place.</summary>
    public void Retire()
    {
        foreach (Partition partition in Partitions)
        {
            partition.Retire();
        }
    }

    public Partition PartitionOf(PartitionId id) => Partitions[id.Value];

    /// <summary>
    /// Applies the log from behind <paramref name="after"/> through a durable record, on this thread. At start <paramref name="intake"/> learns ids and times
    /// from the same pass.
    /// </summary>
    public long Replay(EventLog log, LogSequence after, LogSequence through, EventIntake? intake, ILogger logger, CancellationToken cancellationToken)
    {
        var visitor = new ReplayVisitor(this, intake, logger);
        log.Read(new LogSequence(Math.Max(after.Value + 1, log.FirstSequence.Value)), through, ref visitor, cancellationToken);
        return visitor.Count;
    }

    /// <summary>
    /// Everything durable has been read, and nothing is being appended. Offsets that did not come, because skipped damage took them or because they lie before where a replay began, never will: without this, whoever waits for the
    /// newest offset of such a partition would wait for ever.
    /// </summary>
    public void PassOverWhatNeverComes(EventLog log)
    {
        for (int partition = 0; partition < Partitions.Length; partition++)
        {
            Partitions[partition].Resume(log.DurableOffset(new PartitionId(partition)));
        }
    }

    /// <summary>Of each partition how far it is and what it holds, and what all of them take. Enters one after the other.</summary>
    public (IReadOnlyList<PartitionState> Partitions, PartitionMemory Memory) Census(EventLog log)
    {
        var partitions = new List<PartitionState>(Partitions.Length);
        PartitionMemory memory = default;
        for (int index = 0; index < Partitions.Length; index++)
        {
            Partition partition = Partitions[index];
            PartitionCensus census = partition.Census();
            PartitionMemory used = partition.MemoryUse();
            memory += used;
            partitions.Add(new PartitionState(index, log.DurableOffset(new PartitionId(index)).Value, partition.Applied.Value, census.Entities, census.Awake, census.Events, used.HeldBytes));
        }

        return (partitions, memory);
    }

    /// <summary>All of history has been replayed: the clocks learn how far it came.</summary>
    public void TellClocks(EventIntake intake)
    {
        History.Marks.Tell(intake.Clocks);
        History.Marks.Recall(intake.ArrivalClock);
    }

    /// <summary>Applies a loop's share of a batch.</summary>
    public void Apply(LoopShare share, ILogger logger)
    {
        var ahead = new LookAhead();
        for (int index = 0; index < LookAhead.Records; index++)
        {
            Look(ahead, share, index);
        }

        var core = new CoreOffer(Limits.CoreOfferRecords);
        for (int index = 0; index < share.Count;)
        {
            int begin = index;
            int partition = share.PartitionOf(index);
            using (Partitions[partition].Enter())
            {
                for (int end = index + Limits.TurnRecordsMax; index < end && index < share.Count && share.PartitionOf(index) == partition; index++)
                {
                    Look(ahead, share, index + LookAhead.Records);
                    Apply_NeedsLock(share[index], logger);
                }
            }

            core.After(index - begin);
        }
    }

    private void Look(LookAhead ahead, LoopShare share, int index)
    {
        if (index < share.Count)
        {
            ahead.See(Partitions[share.PartitionOf(index)], share[index].Payload);
        }
        else
        {
            ahead.SeeNothing();
        }
    }

    /// <summary>Applies one record; a bug of ours stops that entity's answers, not the store.</summary>
    private void Apply_NeedsLock(LogRecord record, ILogger logger)
    {
        try
        {
            Partitions[record.Partition.Value].Apply_NeedsLock(EventRecord.Parse(record.Payload), record.Offset);
        }
        catch (Exception failure)
        {
            // The top of a partition loop: were it to end, everything behind it would wait for ever, without a word.
            PoisonedRecord.Tell(logger, record, failure);
        }
    }

    private struct ReplayVisitor(Generation generation, EventIntake? intake, ILogger logger) : ILogVisitor
    {
        public long Count { get; private set; }

        public bool Visit(LogRecord record)
        {
            Count++;
            intake?.Recall(EventRecord.Parse(record.Payload), record.Sequence, generation.History.Marks);
            using (generation.Partitions[record.Partition.Value].Enter())
            {
                generation.Apply_NeedsLock(record, logger);
            }

            return true;
        }
    }
}
