using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Silo.Grains;

namespace OrleansFeatures.Silo;

/// <summary>
/// What this silo's entities take in memory, against its budget. Over it, entities that nobody has wanted for a while and that a checkpoint holds are let go; a tenth over it, this silo's gateway takes no events. (Others may: which silo an event concerns is not
/// known where it comes in. A partition that cannot keep up holds up nobody but its readers.)
/// </summary>
internal sealed class SiloMemory(PartitionHomes homes, ClusterHostOptions options)
{
    private long _held;

    public long HeldBytes => Volatile.Read(ref _held);

    /// <exception cref="StateMemoryFullException">Events must wait.</exception>
    public void RequireRoom()
    {
        if (HeldBytes > options.MemoryBudgetBytes + (options.MemoryBudgetBytes / Entities.Limits.MemoryOverdraftShare))
        {
            throw new StateMemoryFullException(HeldBytes, options.MemoryBudgetBytes);
        }
    }

    /// <summary>Measures, and lets go of some where it is too much.</summary>
    public void Look()
    {
        long held = 0;
        foreach (PartitionHome home in homes.All)
        {
            held += home.Census().Memory.HeldBytes;
        }

        Volatile.Write(ref _held, held);
        if (held <= options.MemoryBudgetBytes)
        {
            return;
        }

        foreach (IGrainContext unwanted in homes.All.SelectMany(home => home.TakeUnwanted(Limits.UnwantedMax)))
        {
            unwanted.Deactivate(new DeactivationReason(DeactivationReasonCode.HighMemoryPressure, "memory is over its budget, and nobody has wanted the entity for a while"));
        }
    }
}
