using System.Collections.Immutable;
using OrleansFeatures.Domain.Saving;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Log;
using OrleansFeatures.Log.Snapshots;

namespace OrleansFeatures.Entities.Checkpoints;

/// <summary>What a checkpoint is of.</summary>
/// <param name="Fingerprint">Of the definitions.</param>
/// <param name="Generation">Its number.</param>
/// <param name="IsComplete">All of history up to <paramref name="Through"/> is in it.</param>
/// <param name="Through">Every record up to here has been applied.</param>
internal readonly record struct CheckpointSubject(ulong Fingerprint, long Generation, bool IsComplete, LogSequence Through)
{
    /// <summary>What was missing from the history that the generation was built from.</summary>
    public IReadOnlyDictionary<uint, long>? Floors { get; init; }
}

/// <summary>
/// One checkpoint: everything that has changed since the one before becomes durable, in one step, while events and reads go on.
/// <code>
///   1 every partition gives its list of changed entities and the offset applied       one short turn each
///   2 intake's ids and clocks since the last checkpoint, read from the log            no gate
///   3 living records of files that are to go: carried over, or saved in 4             a turn each
///   4 the listed entities, a few at a time                                            turns of some 50 us
///   5 the manifest                                                                    here it counts, or nothing does
///   6 the entities learn where they lie now                                           turns
/// </code>
/// Nothing in memory points at the new files before they count, but for copies of what the old ones hold; if anything fails, everything is as it was, and what was to be saved waits for the next.
/// </summary>
internal sealed class Checkpoint(SnapshotStore store, IReadOnlyList<Partition> partitions, IntakeHistory history)
{
    private PartitionCheckpoint[] _shares = [];

    /// <summary>Entities saved or carried over.</summary>
    public long Entities => _shares.Sum(share => share.Entities + share.Copied.Count);

    /// <summary>Bytes written.</summary>
    public long Bytes { get; private set; }

    /// <summary>Damaged records found while carrying over; their files are kept as they are.</summary>
    public List<Exception> Damage { get; } = [];

    /// <param name="subject">What of.</param>
    /// <param name="replacesAll">It takes the place of everything in the store.</param>
    /// <param name="saveHistory">Writes what intake knows; between the lists and the entities.</param>
    /// <param name="cancellationToken">Gives it up.</param>
    /// <exception cref="LogException">The disk failed or is full; nothing has changed.</exception>
    public async Task<SnapshotHead> RunAsync(CheckpointSubject subject, bool replacesAll, Action<SnapshotWriter> saveHistory, CancellationToken cancellationToken)
    {
        using SnapshotWriter writer = store.Begin();
        if (replacesAll)
        {
            writer.ReplaceAll();
        }

        _shares = [.. partitions.Select((partition, number) => partition.BeginSaving(number, writer))];
        bool isCommitted = false;
        try
        {
            saveHistory(writer);
            if (!replacesAll)
            {
                await CarryOverAsync(writer, cancellationToken);
            }

            foreach (PartitionCheckpoint share in _shares)
            {
                while (share.Partition.SaveSome(share))
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    writer.Flush();
                    await Task.Yield();
                }
            }

            history.Forget(store);
            SnapshotHead head = writer.Commit(HeadOf(subject));
            isCommitted = true;
            Bytes = writer.Bytes;
            history.Commit(store);
            await PublishAsync();
            return head;
        }
        finally
        {
            if (!isCommitted)
            {
                history.Abandon();
                foreach (PartitionCheckpoint share in _shares)
                {
                    share.Partition.Abandon(share);
                }
            }
        }
    }

    private SnapshotHead HeadOf(CheckpointSubject subject)
    {
        var blob = new StateWriter();
        SavedGeneration.Write(blob, subject.Generation, subject.IsComplete, subject.Floors);
        history.SaveCounts(blob);
        return new SnapshotHead
        {
            Fingerprint = subject.Fingerprint,
            Through = subject.Through,
            Applied = [.. _shares.Select(share => share.Applied.Value)],
            Blob = blob.Written.ToArray(),
        };
    }

    private async Task CarryOverAsync(SnapshotWriter writer, CancellationToken cancellationToken)
    {
        foreach (StateFileInfo victim in writer.Victims)
        {
            var entries = new EntryList();
            try
            {
                writer.ReadEntries(victim, entries);
                for (int index = 0; index < entries.All.Count; index++)
                {
                    CarryOver(writer, entries.All[index]);

                    // After each, for one may be a megabyte, and what lies unsynced is what the log's next sync waits for.
                    writer.Flush();
                    if (index % Limits.PublishTurnEntities == 0)
                    {
                        cancellationToken.ThrowIfCancellationRequested();
                        await Task.Yield();
                    }
                }
            }
            catch (Exception damage) when (damage is StateCorruptException or StateFormatException)
            {
                // Its file stays, so nothing of it is lost, and whoever wants the record is told. The others are carried over all the same: they are sound.
                writer.Spare(victim);
                Damage.Add(damage);
            }
        }
    }

    private void CarryOver(SnapshotWriter writer, in StateEntry entry)
    {
        if (entry.Kind == StateRecordKind.Page)
        {
            history.CarryOver(writer, entry);
        }
        else
        {
            _shares[entry.Partition].Partition.CarryOver(_shares[entry.Partition], entry);
        }
    }

    private async Task PublishAsync()
    {
        foreach (PartitionCheckpoint share in _shares)
        {
            while (share.Partition.PublishSome(share))
            {
                await Task.Yield();
            }
        }
    }

    private sealed class EntryList : IStateIndexVisitor
    {
        public List<StateEntry> All { get; } = [];

        public bool Visit(in StateEntry entry)
        {
            All.Add(entry);
            return true;
        }
    }
}
