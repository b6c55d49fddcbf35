namespace OrleansFeatures.Log;

/// <summary>How much of the log <see cref="EventLog.Open"/> reads before it accepts the log.</summary>
public enum LogVerification
{
    /// <summary>Every byte of every segment, at the speed of replay (above 1 GB/s from memory, else the disk's).</summary>
    All,

    /// <summary>The last segment wholly, of sealed segments only header, footer and their chain. For a caller that replays the log anyway: replay makes the same checks.</summary>
    LastSegment,
}

/// <summary>What <see cref="EventLog.Open"/> does about damage: bytes that were durable once and are not what the log wrote.</summary>
public enum DamageRecovery
{
    /// <summary>Throw <see cref="LogCorruptException"/> and change nothing.</summary>
    Refuse,

    /// <summary>
    /// Give the damaged groups or segments up, remember them as gaps in the manifest, and open what is left; <see cref="EventLog.Losses"/> tells what is gone. Later openings find the gaps known and refuse only new
    /// damage. Damaged segments stay as they are. Reads every byte of the log, whatever <see cref="LogOptions.Verification"/> says.
    /// </summary>
    Skip,
}

/// <summary>Settings of one <see cref="EventLog"/>; validated by <see cref="EventLog.Open"/>.</summary>
public sealed record LogOptions
{
    /// <summary>The directory that the log owns alone. Created when missing.</summary>
    public required string Directory { get; init; }

    /// <summary>Number of partitions. Default 64, range 1 to <see cref="Limits.PartitionCountMax"/>. Fixed when the log is created: opening with another number is refused.</summary>
    public int PartitionCount { get; init; } = 64;

    /// <summary>A segment is sealed before it grows past this. Default 256 MB, range 4 KB to 16 GB. One group larger than a segment makes a segment of its own size.</summary>
    public long SegmentBytesMax { get; init; } = 256L * 1024 * 1024;

    /// <summary>A group commit gathers batches up to this many bytes. Default 1 MB, range 1 byte to 64 MB. A larger single batch is its own group.</summary>
    public int CommitBytesMax { get; init; } = 1024 * 1024;

    /// <summary>
    /// Longest time that a commit, right after another one, waits for the callers that the other one has just answered to come
    /// back with their next batch. Default 1 ms, range 0 to 1 s. A batch that meets an idle log never waits.
    /// </summary>
    public TimeSpan CommitDelayMax { get; init; } = TimeSpan.FromMilliseconds(1);

    /// <summary>
    /// Bytes of batches that the log holds: accepted and not yet durable, or durable and not yet released by the consumer. Past it
    /// <see cref="EventLog.AppendAsync"/> waits and <see cref="EventLog.TryAppend"/> refuses. Default 64 MB, range 1 KB to 16 GB. A batch larger than this goes in alone.
    /// </summary>
    public long QueueBytesMax { get; init; } = 64L * 1024 * 1024;

    /// <summary>Whether committed batches are handed to <see cref="EventLog.Committed"/>. Default true; then somebody must read and release them, or appends stop at <see cref="QueueBytesMax"/>.</summary>
    public bool DeliverCommitted { get; init; } = true;

    /// <summary>What opening reads. Default <see cref="LogVerification.All"/>.</summary>
    public LogVerification Verification { get; init; } = LogVerification.All;

    /// <summary>What opening does about damage. Default <see cref="DamageRecovery.Refuse"/>.</summary>
    public DamageRecovery Recovery { get; init; } = DamageRecovery.Refuse;

    internal void Validate()
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(Directory);
        InRange(PartitionCount, 1, Limits.PartitionCountMax, nameof(PartitionCount));
        InRange(SegmentBytesMax, Limits.SegmentBytesMin, Limits.SegmentBytesMax, nameof(SegmentBytesMax));
        InRange(CommitBytesMax, 1, Limits.RecordBytesMax * 4, nameof(CommitBytesMax));
        InRange(QueueBytesMax, 1024, 16L * 1024 * 1024 * 1024, nameof(QueueBytesMax));
        InRange((long)CommitDelayMax.TotalMicroseconds, 0, 1_000_000, nameof(CommitDelayMax) + " in microseconds");
        if (!Enum.IsDefined(Verification))
        {
            throw new ArgumentOutOfRangeException(nameof(Verification), Verification, "LogOptions.Verification must be All or LastSegment.");
        }

        if (!Enum.IsDefined(Recovery))
        {
            throw new ArgumentOutOfRangeException(nameof(Recovery), Recovery, "LogOptions.Recovery must be Refuse or Skip.");
        }
    }

    private static void InRange(long value, long min, long max, string name)
    {
        if (value < min || value > max)
        {
            throw new ArgumentOutOfRangeException(name, value, $"LogOptions.{name} must lie between {min} and {max}.");
        }
    }
}
