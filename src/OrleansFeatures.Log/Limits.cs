namespace OrleansFeatures.Log;

/// <summary>Every bound of the log, with its arithmetic.</summary>
public static class Limits
{
    /// <summary>The greatest sequence or offset that a segment may begin with, 2^62: at a hundred million records a second, 1,461 years. What is added to it does not run over.</summary>
    public const long SequenceMax = 1L << 62;

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

    /// <summary>Read size of a cursor, which there is one of for each follower of the log, and whose buffer stays with it: a few hundred records with one system call.</summary>
    public const int CursorReadBytes = 64 * 1024;

    /// <summary>The distance between known positions in a segment: 16 bytes in memory for every 64 KB, so 25 MB for 100 GB of log.</summary>
    public const int PositionSpacingBytes = 64 * 1024;

    /// <summary>Read size of a single record's look-up: the distance between known positions and a record of the usual size behind it.</summary>
    public const int LookupReadBytes = PositionSpacingBytes + 16 * 1024;

    /// <summary>Damaged places that are told apart in one segment; what lies behind the last counts as one. A disk with more is beyond saving, and 256 x 64 partitions x 20 bytes still fit a manifest of 1 MB.</summary>
    public const int DamagesPerSegmentMax = 256;

    /// <summary>The manifest: 52 bytes, and a gap of at most 256 in each of some hundred damaged segments with their lists of 64 partitions. It is written again with every new segment.</summary>
    public const int ManifestBytesMax = 64 * 1024 * 1024;

    /// <summary>More records than any group can hold: the largest batch or commit in the smallest frames.</summary>
    public const long GroupRecordsMax = BatchBytesMax / 28 + 1;

    /// <summary>More records than any segment can hold. A log whose end was lost goes on behind so many, so that no sequence is given twice.</summary>
    public const long SegmentRecordsMax = SegmentBytesMax / 28 + GroupRecordsMax;

    /// <summary>First buffer of a batch: some thirty events of 90 bytes with their 28-byte frame headers.</summary>
    public const int BatchBytesInitial = 4 * 1024;

    /// <summary>A state file's number takes 24 bits of a <see cref="Snapshots.StatePlace"/>: one file every 10 s for five years. A new directory starts again at 1.</summary>
    public const long StateFileNumberMax = (1L << 24) - 1;

    /// <summary>A position in a state file takes 40 bits of a <see cref="Snapshots.StatePlace"/>: 1 TB, of which the largest record keeps its distance.</summary>
    public const long StateFileBytesMax = (1L << 40) - 2L * StateRecordBytesMax;

    /// <summary>Smallest limit of a state file: the header, a few records, index and footer; only tests want files this small.</summary>
    public const int StateFileBytesMin = 1024;

    /// <summary>One state record's payload: a part of an entity is up to 64 chunks of 64 rows of some hundred bytes (1 MB), a page of event ids about as much; 64 MB is room for rows of 16 KB.</summary>
    public const int StateRecordBytesMax = 64 * 1024 * 1024;

    /// <summary>The writer's own part of a checkpoint's manifest. 100,000 producers' clocks of 160 bytes each.</summary>
    public const int SnapshotBlobBytesMax = 16 * 1024 * 1024;

    /// <summary>Files that one checkpoint may name: 64 bytes of manifest each, so 4 MB; at the default file size 256 TB.</summary>
    public const int StateFilesMax = 65_536;

    /// <summary>Entries between two blocks of a state file's index: 16,384 x 40 bytes = 640 KB in the writer's memory, and read with one call.</summary>
    public const int StateIndexBlockEntries = 16_384;

    /// <summary>What a checkpoint's writer gathers before it writes: the system call (about 1 us) vanishes beside copying 1 MB (about 100 us).</summary>
    public const int StateBufferBytes = 1024 * 1024;

    /// <summary>Less than this <see cref="Snapshots.SnapshotWriter.Flush"/> leaves in the buffer, so that it may be called after every record: 256 KB still make the system call small beside the copying.</summary>
    public const int StateFlushBytes = StateBufferBytes / 4;

    /// <summary>
    /// A checkpoint syncs after so many bytes, which is whenever it hands some to the system: whatever it has not synced, the log's next sync waits for, and acknowledgements with it. Of 500 MB/s, 256 KB are half a millisecond.
    /// Measured beside 200 groups a second: with 16 MB between two syncs the log's took 5.2 ms (p50) and 30 ms (p99) instead of 0.6 and 4; with 256 KB 0.5 and 12. The checkpoint itself takes half as long again (75 ms for 32 MB).
    /// </summary>
    public const int StateSyncBytes = StateFlushBytes;

    /// <summary>Where the writer syncs by itself if nobody calls <see cref="Snapshots.SnapshotWriter.Flush"/>: 16 MB, some 30 ms, because whoever adds a record may stand in a partition's gate.</summary>
    public const int StateUnsyncedBytesMax = 64 * StateSyncBytes;

    /// <summary>First read of a state record: a page of the usual file system; most entities (about 400 bytes) come with it whole.</summary>
    public const int StateReadBytes = 4096;

    /// <summary>Damaged places of one state file that a verification reports one by one: a disk that has lost more than 100 places has lost the file, and a report of 100 lines can still be read.</summary>
    public const int StateDamageReportedMax = 100;

    /// <summary>Records named for one damaged place: at 100 bytes of text each, 2 KB.</summary>
    public const int StateConcernedNamedMax = 20;
}
