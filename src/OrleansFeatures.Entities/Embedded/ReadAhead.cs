using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Memory;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Entities.Reads;

namespace OrleansFeatures.Entities.Embedded;

/// <summary>
/// Asks for the memory that the next reads of a request will touch, as <see cref="LookAhead"/> does for records. A row's entity lies anywhere, and finding it is three waits for main memory, each known when the one before it has come.
/// So some rows are looked at together, in three steps, and then read:
/// <code>
///   slots of the table    * * * * * * * *
///   entities              * * * * * * * *       each step's waits pass at the same time
///   rows                  * * * * * * * *
/// </code>
/// Any thread, outside all gates: what it finds is a guess about a state that others change, nothing is read out of it, and nothing is changed.
/// </summary>
internal sealed class ReadAhead(Generation generation, PartitionMap map)
{
    /// <summary>Entities looked at together: as many waits as a core can have at once.</summary>
    public const int Reads = 16;

    /// <summary>An actor and its state, which is made right after it.</summary>
    private const int EntityLines = 3;

    private readonly ReadToCome[] _coming = new ReadToCome[Reads];

    /// <summary>Looks at so many of a read's keys (at most <see cref="Reads"/>), from one of them on.</summary>
    public void See(FeatureRead read, int firstKey, int keys)
    {
        int entities = read.Selection.Entities.Length;
        for (int index = 0; index < keys; index++)
        {
            ReadOnlySpan<byte> key = read.Keys[firstKey + index].Span;
            EntityPlan entity = read.Selection.Entities[(firstKey + index) % entities].Entity;
            Partition partition = generation.PartitionOf(map.Of(entity, key));
            _coming[index] = new ReadToCome(partition, entity.Id, partition.Actors.WarmRead(entity.Id, key));
        }

        for (int index = 0; index < keys; index++)
        {
            ref ReadToCome one = ref _coming[index];
            if (one.Partition.Actors.GuessRead(one.EntityTypeId, one.Hash) is { } actor)
            {
                Prefetch.Object(actor, EntityLines);
                one = one with { Actor = actor };
            }
        }

        for (int index = 0; index < keys; index++)
        {
            _coming[index].Actor?.WarmRows();
        }
    }

    private readonly record struct ReadToCome(Partition Partition, uint EntityTypeId, ulong Hash, EntityActor? Actor = null);
}
