using OrleansFeatures.Domain;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities;
using OrleansFeatures.Log;
using OrleansFeatures.Postgres.Log;
using OrleansFeatures.Postgres.States;

namespace OrleansFeatures.Silo.Grains;

/// <summary>
/// Brings an entity into its partition's home, complete:
/// <code>
///   log of the partition   ......... c | . r . . r . . now        c: the checkpoint, through which every row is complete
///   the entity's row       ──────────┘   │     │                  r: its records since; the home's dirty list knows the last one
///   healed from the log                  └─────┘                  only where there are any: the entity was in memory, and is not any more
/// </code>
/// A row that was read while a checkpoint ended may be from before it, when the list that would have told is gone already. So the checkpoint is looked at before and after, and the row read again where it has moved.
/// </summary>
internal sealed class EntityLoading(EntityStates states, PostgresLog log, SiloMetrics metrics)
{
    /// <param name="home">Of the entity's partition.</param>
    /// <param name="name">Who.</param>
    /// <param name="previous">The last record that has been delivered for it, if the caller knows of one: else -1.</param>
    /// <param name="cancellationToken">Gives it up.</param>
    /// <returns>The entity, or null where the home has ended.</returns>
    /// <exception cref="StatesException">PostgreSQL failed.</exception>
    /// <exception cref="LogException">The log cannot be read.</exception>
    public async Task<Resident?> EnsureAsync(PartitionHome home, EntityName name, long previous, CancellationToken cancellationToken)
    {
        while (true)
        {
            LogOffset checkpoint;
            long required;
            using (home.Enter())
            {
                if (home.Ownership.IsOver)
                {
                    return null;
                }

                if (home.FindComplete_NeedsLock(name.Span, previous) is { } resident)
                {
                    return resident;
                }

                checkpoint = home.Checkpoint;
                required = Math.Max(previous, home.Dirty_NeedsLock.LastOffsetOf(name.Span));
            }

            // Before the first checkpoint of a generation nobody has a row.
            EntityRow? row = checkpoint == LogOffset.None ? null : await states.LoadAsync(home.Ownership.Claim.Generation, home.Partition, name.Type, name.Key, cancellationToken);
            List<byte[]> missed = required > checkpoint.Value ? await MissedAsync(home, name, checkpoint, new LogOffset(required), cancellationToken) : [];
            if (Put(home, name, row, missed, checkpoint, required) is { } loaded)
            {
                return loaded;
            }
        }
    }

    private static Resident? Put(PartitionHome home, EntityName name, EntityRow? row, List<byte[]> missed, LogOffset checkpoint, long required)
    {
        Resident loaded;
        using (home.Enter())
        {
            if (home.Ownership.IsOver || home.Checkpoint != checkpoint)
            {
                return null;
            }

            loaded = home.Put_NeedsLock(name, home.Load_NeedsLock(name, row));
        }

        foreach (byte[] frame in missed)
        {
            home.Apply(loaded, frame);
        }

        InvariantException.Require(loaded.LastOffset >= required || home.Ownership.IsOver, $"an entity of partition {home.Partition.Value} was healed through offset {loaded.LastOffset}, and a record of it was delivered at {required}");
        return loaded;
    }

    /// <summary>The entity's own records behind the checkpoint, through the last one that it must have.</summary>
    private async Task<List<byte[]>> MissedAsync(PartitionHome home, EntityName name, LogOffset after, LogOffset through, CancellationToken cancellationToken)
    {
        metrics.Healed();
        var missed = new List<byte[]>();
        await log.ReadPartitionAsync(
            home.Partition,
            after,
            through,
            batch =>
            {
                Collect(batch, name, missed);
                return ValueTask.CompletedTask;
            },
            cancellationToken);
        return missed;
    }

    private static void Collect(PartitionBatch batch, EntityName name, List<byte[]> missed)
    {
        foreach (LogRecord record in LogRecords.Of(batch.Frames, $"partition {batch.Partition.Value} of the log"))
        {
            ReadOnlySpan<byte> key = EventRecord.EntityOf(record.Payload, out uint type);
            if (type == name.Type && key.SequenceEqual(name.Key))
            {
                missed.Add(record.Frame.ToArray());
            }
        }
    }
}
