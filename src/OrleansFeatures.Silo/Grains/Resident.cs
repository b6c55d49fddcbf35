using OrleansFeatures.Entities;

namespace OrleansFeatures.Silo.Grains;

/// <summary>One entity in the memory of its partition's silo. Its grain takes records for it; readers and checkpoints come by the partition's home. Inside the partition's gate.</summary>
internal sealed class Resident(EntityName name)
{
    public EntityName Name => name;

    /// <summary>Null before its first record.</summary>
    public EntityActor? Actor { get; set; }

    /// <summary>The offset of the last record that it has taken, or passed over because the definitions do not feed it to this entity type; -1 before the first.</summary>
    public long LastOffset { get; set; } = -1;

    /// <summary>The grain activation that stands for it. Null where that was collected: then the entity stays until what it knows is in a checkpoint, and goes.</summary>
    public IGrainContext? Grain { get; set; }

    /// <summary>When its grain last heard of somebody wanting it; reads do not pass by the grain.</summary>
    public long TouchedAt { get; set; }

    /// <summary>Somebody has wanted it since the look for whom to let go last came by.</summary>
    public bool IsWanted { get; set; } = true;
}
