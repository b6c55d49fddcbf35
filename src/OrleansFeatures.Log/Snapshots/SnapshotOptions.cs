namespace OrleansFeatures.Log.Snapshots;

/// <summary>Settings of one <see cref="SnapshotStore"/>; validated by <see cref="SnapshotStore.Open"/>.</summary>
public sealed record SnapshotOptions
{
    /// <summary>The directory that the store owns alone. Created when missing.</summary>
    public required string Directory { get; init; }

    /// <summary>Which store this is: the log's. Fixed when the directory is created; files of another store are refused.</summary>
    public required Guid StoreId { get; init; }

    /// <summary>Range 1 to <see cref="Limits.PartitionCountMax"/>. Fixed when the directory is created.</summary>
    public required int PartitionCount { get; init; }

    /// <summary>A checkpoint goes on in another file before a file grows past this. Default 4 GB, range 1 KB to 1 TB. One record larger than this makes a file of its own size.</summary>
    public long StateFileBytesMax { get; init; } = 4L * 1024 * 1024 * 1024;

    /// <summary>A file is written anew when more than this share of its bytes is garbage. Default 0.5 (files take at most about twice the room of what lives), range 0.05 to 0.95.</summary>
    public double GarbageShareMax { get; init; } = 0.5;

    /// <summary>With more files than this the smallest are put together. Default 32, range 2 to 10,000.</summary>
    public int FilesMax { get; init; } = 32;

    /// <summary>Bytes of living records that one checkpoint carries over, about; the first victim is taken whatever its size. Default 256 MB (half a second of writing), range 0 to 1 TB.</summary>
    public long CarryBytesMax { get; init; } = 256L * 1024 * 1024;

    internal void Validate()
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(Directory);
        InRange(PartitionCount, 1, Limits.PartitionCountMax, nameof(PartitionCount));
        InRange(StateFileBytesMax, Limits.StateFileBytesMin, Limits.StateFileBytesMax, nameof(StateFileBytesMax));
        InRange(GarbageShareMax, 0.05, 0.95, nameof(GarbageShareMax));
        InRange(FilesMax, 2, 10_000, nameof(FilesMax));
        InRange(CarryBytesMax, 0, 1L << 40, nameof(CarryBytesMax));
        if (StoreId == Guid.Empty)
        {
            throw new ArgumentException("SnapshotOptions.StoreId must be the log's store id, not all zeros.", nameof(StoreId));
        }
    }

    private static void InRange<T>(T value, T min, T max, string name)
        where T : IComparable<T>
    {
        if (value.CompareTo(min) < 0 || value.CompareTo(max) > 0)
        {
            throw new ArgumentOutOfRangeException(name, value, $"SnapshotOptions.{name} must lie between {min} and {max}.");
        }
    }
}
