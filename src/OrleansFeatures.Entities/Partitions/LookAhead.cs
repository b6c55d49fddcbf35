using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Memory;

namespace OrleansFeatures.Entities.Partitions;

/// <summary>
/// Asks for the memory that records to come will touch. Each place is known only when the one before it has come, so a record is looked at in four steps, some records apart:
/// <code>
///   records    n ........ n + 6 .......... n + 12 ......... n + 18 ....... n + 24
///              applied    row's places     head of rows     entity         slot of the table
/// </code>
/// With a million entities each of these is a wait for main memory; so they wait at the same time. For the one thread that applies the records; nothing here changes any state.
/// </summary>
internal sealed class LookAhead
{
    /// <summary>Records between two steps: enough to hide the wait for memory, few enough to stay in the nearest cache.</summary>
    private const int StepRecords = 6;

    private const int Ring = 32;

    /// <summary>An actor and its state, which is made right after it.</summary>
    private const int EntityLines = 3;

    private readonly RecordToCome[] _ring = new RecordToCome[Ring];
    private int _seen;

    /// <summary>How many records ahead of the one to be applied the look goes.</summary>
    public const int Records = 4 * StepRecords;

    /// <summary>Sees the record that comes <see cref="Records"/> later.</summary>
    public void See(Partition partition, ReadOnlySpan<byte> record)
    {
        ReadOnlySpan<byte> key = EventRecord.EntityOf(record, out uint entityTypeId);
        _ring[_seen & (Ring - 1)] = new RecordToCome(partition, entityTypeId, partition.Actors.Warm(entityTypeId, key), null);
        Step();
    }

    /// <summary>The record that comes then is none of ours, or there is none.</summary>
    public void SeeNothing()
    {
        _ring[_seen & (Ring - 1)] = default;
        Step();
    }

    private void Step()
    {
        ref RecordToCome found = ref _ring[(_seen - StepRecords) & (Ring - 1)];
        if (found.Partition is { } partition && partition.Actors.Guess(found.EntityTypeId, found.Hash) is { } actor)
        {
            Prefetch.Object(actor, EntityLines);
            found = found with { Actor = actor };
        }

        _ring[(_seen - (2 * StepRecords)) & (Ring - 1)].Actor?.Warm(begun: false);
        _ring[(_seen - (3 * StepRecords)) & (Ring - 1)].Actor?.Warm(begun: true);
        _seen++;
    }

    private readonly record struct RecordToCome(Partition? Partition, uint EntityTypeId, ulong Hash, EntityActor? Actor);
}
