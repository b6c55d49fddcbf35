using System.Collections.Immutable;

namespace OrleansFeatures.Log.Inspection;

/// <summary>What one segment file holds. Counts are of sound records and whole groups.</summary>
public sealed record SegmentReport
{
    public required long Number { get; init; }

    public required string Path { get; init; }

    /// <summary>The file's length when it was looked at; 0 when it is missing.</summary>
    public long Bytes { get; init; }

    /// <summary>The first record that belongs here; <see cref="LogSequence.None"/> when nothing says which.</summary>
    public LogSequence First { get; init; } = LogSequence.None;

    /// <summary>One past the last record that belongs here, damaged ones included.</summary>
    public LogSequence Next { get; init; } = LogSequence.None;

    public long Records { get; init; }

    /// <summary>Group commits; null when only the ends of the segment were read.</summary>
    public long? Groups { get; init; }

    /// <summary>When the first and last sound groups were written, microseconds since 1970 UTC by the clock of that moment.</summary>
    public long? FirstGroupMicros { get; init; }

    /// <inheritdoc cref="FirstGroupMicros"/>
    public long? LastGroupMicros { get; init; }

    /// <summary>Whether it has its footer: it will not change any more.</summary>
    public bool IsSealed { get; init; }

    /// <summary>Bytes of a group at the very end that was never acknowledged: being written just now, or torn by a crash. No damage; an opening cuts it.</summary>
    public long UnfinishedBytes { get; init; }

    /// <summary>Damage that an opening refuses, in the order of the file.</summary>
    public ImmutableArray<LogDamage> Damage { get; init; } = [];

    /// <summary>Damage that was skipped before and that the log remembers.</summary>
    public ImmutableArray<LogDamage> KnownGaps { get; init; } = [];
}

/// <summary>What a log's directory holds, and everything found wrong in it.</summary>
public sealed record LogReport
{
    public required string Directory { get; init; }

    public Guid StoreId { get; init; }

    public int PartitionCount { get; init; }

    /// <summary>Of the manifest: 1, or 2 when gaps are remembered in it.</summary>
    public int FormatVersion { get; init; }

    public ImmutableArray<SegmentReport> Segments { get; init; } = [];

    /// <summary>All damage: of the manifest first, then segment by segment.</summary>
    public ImmutableArray<LogDamage> Damage { get; init; } = [];

    public ImmutableArray<LogDamage> KnownGaps { get; init; } = [];

    /// <summary>Files that the log would delete or ignore: leftovers of a crash, and strangers.</summary>
    public ImmutableArray<string> OtherFiles { get; init; } = [];

    /// <summary>Whether an opening accepts the log. Known gaps do not count.</summary>
    public bool IsSound => Damage.IsEmpty;

    public long Records => Segments.Sum(segment => segment.Records);

    public long Bytes => Segments.Sum(segment => segment.Bytes);
}

/// <summary>How far an inspection is: bytes read, of all bytes.</summary>
public readonly record struct InspectionProgress(string File, long BytesRead, long BytesTotal);
