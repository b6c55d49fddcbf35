using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Saving;
using OrleansFeatures.Entities.Checkpoints;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Log;
using OrleansFeatures.Log.Snapshots;

namespace OrleansFeatures.Entities.Embedded;

/// <summary>
/// Brings state back at start: the newest checkpoint of the live definitions, then the log from behind it. Without one, all of the log. Entities themselves stay on disk until somebody wants them; only where each of them lies is
/// read, so the time goes with how many there are and with the log since the checkpoint, not with history.
/// </summary>
internal sealed class GenerationOpening(EventLog log, StateStores stores, EventIntake intake, MemoryBudget budget)
{
    /// <summary>What was saved and is damaged is set aside, instead of being refused.</summary>
    public bool SkipsDamage { get; init; }

    /// <summary>State as the newest checkpoint has it; the log from behind it is for the caller to apply.</summary>
    public Generation Open(Catalog catalog)
    {
        ulong fingerprint = StateFingerprint.Of(catalog);
        Generation? generation = null;
        while (generation is null && stores.Newest(fingerprint) is { } store)
        {
            try
            {
                generation = Resume(catalog, store, new IntakeHistory(intake));
            }
            catch (StateCorruptException damage) when (SkipsDamage)
            {
                stores.Replace(store, damage);
            }
        }

        return generation ?? Begin(catalog, new IntakeHistory(intake));
    }

    private Generation Resume(Catalog catalog, SnapshotStore store, IntakeHistory history)
    {
        SnapshotHead head = store.Head!;
        RequireNotAhead(store, head);
        StateReader blob = SavedGeneration.Read(head, out long number, out _, out Dictionary<uint, long> floors);
        var generation = new Generation(catalog, number, budget, store, history, floors) { ReplacesStore = false };
        var index = new Index(generation);
        store.ReadIndex(index);
        for (int partition = 0; partition < generation.Partitions.Length; partition++)
        {
            generation.Partitions[partition].Resume(new LogOffset(head.Applied[partition]));
        }

        history.Load(store, head, blob, index.Pages);
        return generation;
    }

    /// <summary>No checkpoint is of these definitions: everything is made again from the log. Of another's only what it says of cut and forgotten history holds.</summary>
    private Generation Begin(Catalog catalog, IntakeHistory history)
    {
        long number = 0;
        SnapshotStore place = stores.All[0];
        if (stores.NewestHead is { } other)
        {
            history.LoadCounts(SavedGeneration.Read(other, out number, out _));
            place = stores.OtherThan(stores.All.First(store => store.Head == other));
        }

        if (log.FirstSequence.Value > 0)
        {
            // Whatever went with the oldest segments was written before the end of the first that is left, and no event may be further ahead than a day.
            long newestCut = (log.Segments[0].LastGroupMicros ?? 0) + Domain.Limits.EventAheadMaxMicros;
            history.CutBefore(catalog.Streams.Where(stream => !history.Floors.ContainsKey(stream.Id)).Select(stream => stream.Id), newestCut);
        }

        return new Generation(catalog, number + 1, budget, place, history, history.Floors);
    }

    private void RequireNotAhead(SnapshotStore store, SnapshotHead head)
    {
        if (head.Through.CompareTo(log.DurableSequence) > 0)
        {
            throw new LogIncompatibleException(
                store.Options.Directory,
                $"the state holds the log through sequence {head.Through}, but the log beside it ends at {log.DurableSequence}: records are missing. Restore the log that belongs to this state. To go on with what the log has, move the state directory away; it is then built anew.");
        }

        if (log.FirstSequence.Value > head.Through.Value + 1)
        {
            throw new LogIncompatibleException(
                store.Options.Directory,
                $"the state holds the log through sequence {head.Through}, but the log beside it begins at {log.FirstSequence}: records between are missing. Restore the state that belongs to this log.");
        }
    }

    private sealed class Index(Generation generation) : IStateIndexVisitor
    {
        public List<StateEntry> Pages { get; } = [];

        public bool Visit(in StateEntry entry)
        {
            switch (entry.Kind)
            {
                case StateRecordKind.Page:
                    Pages.Add(entry);
                    return true;
                case StateRecordKind.Entity:
                    return generation.Partitions[entry.Partition].AddSaved(entry);
                default:
                    // A part counts if its head names it, which nobody knows before the head is read.
                    return true;
            }
        }
    }
}
