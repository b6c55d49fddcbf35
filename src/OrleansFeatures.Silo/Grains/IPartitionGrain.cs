using Orleans.CodeGeneration;

namespace OrleansFeatures.Silo.Grains;

/// <summary>
/// One partition of the log: takes its records as they come, delivers them to the entities, and takes checkpoints. Keyed by the partition's number. It works in the silo that the partition plan names, and moves there checkpoint first.
/// </summary>
[Version(Versions.InterfaceVersion)]
[Alias("OrleansFeatures.IPartitionGrain")]
internal interface IPartitionGrain : IGrainWithIntegerKey
{
    /// <summary>
    /// Owns the partition, under the newest definitions that its silo knows, if the plan wants it where it is; else gives it up, so that the next call finds it where the plan does. Called again and again by the silo whose partition it is.
    /// </summary>
    [Alias("Ensure")]
    Task EnsureAsync();

    /// <summary>Applies everything through the offset from the log: deliveries have failed to come.</summary>
    [Alias("CatchUp")]
    Task CatchUpAsync(long through);

    /// <summary>Takes a checkpoint of everything applied. False where it failed, or this is not the owner.</summary>
    [Alias("Checkpoint")]
    Task<bool> CheckpointAsync();

    /// <summary>Takes a last checkpoint, gives the partition up, and leaves the silo.</summary>
    [Alias("Release")]
    Task ReleaseAsync();
}
