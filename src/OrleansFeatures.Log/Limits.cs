namespace OrleansFeatures.Log;

/// <summary>Every bound of the log, with its arithmetic.</summary>
public static class Limits
{
    /// <summary>The frame stores the partition in 16 bits, and a segment header carries 8 bytes per partition: 4,096 x 8 = 32 KB.</summary>
    public const int PartitionCountMax = 4_096;

    /// <summary>One record's payload. An event is some hundred bytes; 16 MB leaves room for 10 MB fields with their envelope.</summary>
    public const int RecordBytesMax = 16 * 1024 * 1024;

    /// <summary>One batch with its frame headers. A batch is written whole, so that it bounds the write that one fdatasync covers: 4 records of the largest size.</summary>
    public const int BatchBytesMax = 4 * RecordBytesMax + 4_096;

    /// <summary>Smallest segment: the largest header (32 KB) is allowed to exceed it; only tests want segments this small.</summary>
    public const int SegmentBytesMin = 4 * 1024;

    /// <summary>Largest segment: opening verifies a segment in one pass, 16 GB is about 10 s of it.</summary>
    public const long SegmentBytesMax = 16L * 1024 * 1024 * 1024;

    /// <summary>Batches that the log holds at once (queued, or committed and not yet released), whatever their size. At about 250 bytes of objects each: 16 MB.</summary>
    public const int QueueBatchesMax = 65_536;

    /// <summary>Callers of AppendAsync that may wait for room at once; each waits with one batch of its own memory.</summary>
    public const int WaitingAppendsMax = 65_536;

    /// <summary>Disk space is reserved ahead in steps of this size, so that a full disk is met before a write and not in the middle of it.</summary>
    public const int ReserveStepBytes = 16 * 1024 * 1024;

    /// <summary>Read size of replay and recovery: large enough that the system call (about 1 us) vanishes beside copying 1 MB (about 100 us).</summary>
    public const int ReadBufferBytes = 1024 * 1024;

    /// <summary>The distance between known positions in a segment: 16 bytes in memory for every 64 KB, so 25 MB for 100 GB of log.</summary>
    public const int PositionSpacingBytes = 64 * 1024;

    /// <summary>Read size of a single record's look-up: the distance between known positions and a record of the usual size behind it.</summary>
    public const int LookupReadBytes = PositionSpacingBytes + 16 * 1024;

    /// <summary>First buffer of a batch: some thirty events of 90 bytes with their 28-byte frame headers.</summary>
    public const int BatchBytesInitial = 4 * 1024;
}
