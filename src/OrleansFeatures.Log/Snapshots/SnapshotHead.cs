using System.Collections.Immutable;

namespace OrleansFeatures.Log.Snapshots;

/// <summary>What a checkpoint says as a whole; it lies in the manifest and becomes valid together with the checkpoint's records, or not at all.</summary>
public sealed record SnapshotHead
{
    /// <summary>Of the definitions that the state was made with. The store only keeps it.</summary>
    public required ulong Fingerprint { get; init; }

    /// <summary>Every batch of the log up to here is in the state; <see cref="LogSequence.None"/> if nothing is.</summary>
    public required LogSequence Through { get; init; }

    /// <summary>One number for each partition.</summary>
    public required ImmutableArray<long> Applied { get; init; }

    /// <summary>Anything of the writer's, up to <see cref="Limits.SnapshotBlobBytesMax"/> bytes.</summary>
    public ReadOnlyMemory<byte> Blob { get; init; }

    /// <summary>Counts checkpoints from 1, with gaps where some failed. Set by the store.</summary>
    public long Number { get; init; }

    /// <summary>When it was committed, microseconds since 1970 UTC. Set by the store.</summary>
    public long WrittenMicros { get; init; }
}
