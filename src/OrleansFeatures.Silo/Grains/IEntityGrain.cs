using Orleans.CodeGeneration;
using Orleans.Concurrency;

namespace OrleansFeatures.Silo.Grains;

/// <summary>
/// One entity. The grain is what the cluster knows of it and what takes its records, one turn a batch; its state lies in the home of its partition (<see cref="PartitionHome"/>), where reads and checkpoints find it without a call. It works
/// only in the silo that owns the partition: anywhere else it says so and leaves, and is activated again where the plan wants it.
/// </summary>
[Version(Versions.InterfaceVersion)]
[Alias("OrleansFeatures.IEntityGrain")]
internal interface IEntityGrain : IGrainWithStringKey
{
    /// <summary>Takes records. Idempotent: those that it has are passed over, so a call whose answer was lost is made again.</summary>
    [Alias("Apply")]
    Task<EntityReply> ApplyAsync([Immutable] EntityBatch batch);

    /// <summary>Comes into memory, complete, if it is not.</summary>
    /// <param name="epoch">Of the owner that wants it.</param>
    [Alias("Wake")]
    Task<EntityReply> WakeAsync(long epoch);
}

/// <summary>What an entity's grain says.</summary>
internal enum EntityReply : byte
{
    /// <summary>It is done, in the partition's silo.</summary>
    Done = 0,

    /// <summary>Nothing was done: the owner of that epoch is not in this silo. The grain leaves; ask again.</summary>
    NotHere = 1,
}

/// <summary>Records of one entity from one batch of its partition.</summary>
/// <param name="Epoch">Of the owner that delivers.</param>
/// <param name="Previous">The offset of the last record that it delivered before and that may be in no row yet; else -1.</param>
/// <param name="Frames">Whole frames, one after the other, in offset order. Nobody writes to them.</param>
[GenerateSerializer, Immutable, Alias("OrleansFeatures.EntityBatch")]
internal sealed record EntityBatch([property: Id(0)] long Epoch, [property: Id(1)] long Previous, [property: Id(2)] ReadOnlyMemory<byte> Frames);
