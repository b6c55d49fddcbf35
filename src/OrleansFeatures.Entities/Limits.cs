namespace OrleansFeatures.Entities;

/// <summary>Every bound of the entity layer, with the arithmetic behind it.</summary>
public static class Limits
{
    /// <summary>Partitions of a new store: many more than cores, so that a hot entity shares its partition's turns with few others.</summary>
    public const int PartitionCountDefault = 64;

    /// <summary>Committed batches waiting at one partition loop. A batch is up to some 2,000 events, so a loop is at most some 100,000 events behind before the log holds back.</summary>
    public const int LoopQueueBatchesMax = 64;

    /// <summary>Loops that apply events: beyond four, the one log writer is the slower part.</summary>
    public const int PartitionLoopsMax = 4;

    /// <summary>Records of a batch that the dispatcher applies itself: some 20 us, as long as it takes to wake the loops and hear from the last of them.</summary>
    public const int DispatcherRecordsMax = 64;

    /// <summary>Records that a partition takes in one turn: a reader waits for at most so many, some 3 us; entering for each would cost a tenth of applying it.</summary>
    public const int TurnRecordsMax = 16;

    /// <summary>Records that a loop applies before it offers its core (<see cref="CoreOffer"/>): some 20 us, a fraction of a small lookup; an offer costs a twentieth of that.</summary>
    public const int CoreOfferRecords = 64;

    /// <summary>Producers remembered per stream: 100 bytes each; the longest silent one makes room, which can only let stream time run ahead.</summary>
    public const int ProducersPerStreamMax = 10_000;

    /// <summary>A producer that has been silent this long (on the wall clock) no longer holds stream time back.</summary>
    public static readonly TimeSpan ProducerIdleAfter = TimeSpan.FromMinutes(1);

    /// <summary>Records held in memory by one pass over history: some 100 bytes each, so 2 GB. More records mean more passes.</summary>
    public const long HistoryRecordsPerPassMax = 20_000_000;

    /// <summary>Training queries, and checks of amended predictions, that go over the log at the same time: half of the cores, the rest is for lookups and events.</summary>
    public static readonly int HistoryReadsAtOnceMax = Math.Max(1, Environment.ProcessorCount / 2);

    /// <summary>How often a pass over the log is made that meets a cut of it: cuts are as far apart as checkpoints, a minute, so a second one means that passes take minutes, and a third that waiting longer helps nobody.</summary>
    public const int HistoryTriesMax = 3;

    /// <summary>Explanations at the same time, beside those: somebody sits and waits, so they have a turn of their own.</summary>
    public const int ExplanationsAtOnceMax = 1;

    /// <summary>Rows of one history read: 40 bytes a cell, so 12 features are 1 GB at the limit. A client splits a longer file.</summary>
    public const int HistoryRowsMax = 2_000_000;

    /// <summary>Reads waiting for a consistency token, over all partitions: each is a connection's open call.</summary>
    public const int TokenWaitersMax = 10_000;

    /// <summary>Events copied for a new entity type before the copies are appended as one batch.</summary>
    public const int BackfillBatchRecords = 2_000;

    /// <summary>Records of corrections appended at once: a batch of the log holds 64 MB, and one correction may take 2 x 16 records of 128 KB, which are 4 MB.</summary>
    public const int CorrectionPartBytesMax = 4 * 1024 * 1024;

    /// <summary>What the rows of one entity may take: some three million events of 20 bytes.</summary>
    public const long EntityBudgetBytesDefault = 64L * 1024 * 1024;

    /// <summary>State memory when nobody says otherwise and the machine's is not known: a laptop's.</summary>
    public const long MemoryBudgetBytesDefault = 4L * 1024 * 1024 * 1024;

    /// <summary>Events are refused when state is over its budget by one part in so many.</summary>
    public const int MemoryOverdraftShare = 10;

    /// <summary>A partition reports its memory when it has grown by so much: 64 partitions are then known to within 4 MB.</summary>
    public const long MemoryReportBytes = 64 * 1024;

    /// <summary>Slots that the hand looks at in one turn: some 10 us where all are in cache, 50 where none is. A partition reports each 64 KB, some 100 entities, so the hand is five times faster than growth.</summary>
    public const int SweepSlotsMax = 512;

    /// <summary>Bytes that a partition saves in one turn: some 50 us, which is what a reader may wait for.</summary>
    public const int SaveTurnBytes = 32 * 1024;

    /// <summary>What saving an entity costs beside its bytes, as bytes: 64 small entities a turn.</summary>
    public const int SaveEntityBytes = 256;

    /// <summary>How often it is looked whether a checkpoint is due, and the hand moved on that puts idle entities to sleep.</summary>
    public static readonly TimeSpan SweepEvery = TimeSpan.FromSeconds(1);

    /// <summary>Time between checkpoints, while events come: a restart then replays a minute at most.</summary>
    public static readonly TimeSpan CheckpointIntervalDefault = TimeSpan.FromMinutes(1);

    /// <summary>Bytes of log between checkpoints: some two million records, which a restart replays in two to four seconds.</summary>
    public const long CheckpointLogBytesDefault = 256L * 1024 * 1024;

    /// <summary>How long an entity that nobody wants stays in memory, at least; at most twice as long.</summary>
    public static readonly TimeSpan EntityIdleAfterDefault = TimeSpan.FromHours(1);

    /// <summary>How far behind stream time the id of an event is remembered at least.</summary>
    public static readonly TimeSpan DedupeHorizonDefault = TimeSpan.FromHours(24);

    /// <summary>A generation that takes another's place replays the last so many records while pushes wait: a tenth of a second.</summary>
    public const long ReplayTailRecords = 50_000;

    /// <summary>Records replayed before it is looked whether entities have to sleep: a million are some 500 MB at most where each is another entity's.</summary>
    public const long ReplaySliceRecords = 1_000_000;

    /// <summary>Least time between checkpoints that memory asks for: one that frees nothing must not be followed by the next at once.</summary>
    public static readonly TimeSpan CheckpointPause = TimeSpan.FromMilliseconds(200);

    /// <summary>Event ids of a page of a checkpoint: 60 KB.</summary>
    public const int IdPageEntries = 2_560;

    /// <summary>Entities that learn in one turn where they lie: a look-up each.</summary>
    public const int PublishTurnEntities = 128;

    /// <summary>A place in the table: 32 bytes, half to three quarters full.</summary>
    public const int EntitySlotBytes = 51;

    /// <summary>What an entity in memory takes beside its rows and its place in the table: its key (16 to 32), actor and state (about 130).</summary>
    public const int EntityOverheadBytes = 160;

    /// <summary>What a last checkpoint may take when the store is closed: some gigabytes. One that takes longer is given up, and the next start replays what it would have saved.</summary>
    public static readonly TimeSpan LastCheckpointMax = TimeSpan.FromSeconds(8);

    /// <summary>Entities that a reconciliation draws at most: a number, a count and a place in two tables, some 100 bytes each; more are "all".</summary>
    public const int ReconcileSampleMax = 100_000;

    /// <summary>Records that a reconciliation rebuilds at a time: some 100 bytes each, so 500 MB beside the live state. More records mean more passes over the log.</summary>
    public const long ReconcileRecordsPerPassMax = 5_000_000;

    /// <summary>Entities whose live values wait for one catch-up: with 50 features at five instants of 40 bytes each, 10 MB.</summary>
    public const int ReconcileBatchEntities = 1_000;

    /// <summary>Differences, and entities that do not answer, that are listed; all are counted. Who meets a thousand looks for one cause, not at the next thousand.</summary>
    public const int ReconcileListMax = 1_000;

    /// <summary>Events of one window that an explanation goes through: some 300 bytes each with their record, so 150 MB. Nobody reads a list of more, and a value of so many events needs statistics.</summary>
    public const int ExplainEventsMax = 500_000;

    /// <summary>A few milliseconds of reading between two reports.</summary>
    public const int ReconcileRecordsPerReport = 10_000;

    /// <summary>Doubles within this of each other, relative to the greater or to one, agree: moments of chunks that begin elsewhere agree to ten digits (docs/architecture.md, Invariants).</summary>
    public const double ReconcileRelativeError = 1e-10;

    /// <summary>How far before an entity's newest event it is compared too: a minute, an hour, and the day that live state answers exactly in any case (<see cref="Domain.Definitions.Catalog.RetentionSlack"/>).</summary>
    public static readonly long[] ReconcileBackMicros = [0, 60_000_000, 3_600_000_000, 86_400_000_000];

    /// <summary>Events are refused when the process has no more than this left of the memory that it may use, one part in so many, or <see cref="MemoryReserveBytes"/> if that is more.</summary>
    public const int MemoryReserveShare = 8;

    /// <summary>What is kept for answers, buffers, a slab of 4 MB for each of the partition loops, and a table of ids that doubles.</summary>
    public const long MemoryReserveBytes = 32L * 1024 * 1024;

    /// <summary>While memory is short, how often a collection is asked for: it takes some tenths of a second for gigabytes.</summary>
    public static readonly TimeSpan ShortMemoryLook = TimeSpan.FromSeconds(2);

    /// <summary>Lists of features that other processes ask for, kept as resolved: some kilobytes each, so a few megabytes. Clients use a handful.</summary>
    public const int RemoteSelectionsMax = 1_000;

    /// <summary>Records that a follower of the log looks at for one slice: two megabytes, some two milliseconds.</summary>
    public const int FollowSliceRecordsMax = 16_384;

    /// <summary>Changes in one slice: some 130 bytes each with their keys, so that a follower holds 130 KB.</summary>
    public const int FollowSliceChangesMax = 1_024;

    /// <summary>Keys of a slice's changes share blocks of this size: some hundred keys.</summary>
    public const int FollowKeyBlockBytes = 2 * 1024;

    /// <summary>A partial read with more time than this gets no timer of its own (a runtime timer takes 49 days): nothing that it waits for lasts a day.</summary>
    public static readonly TimeSpan PartialTimeMax = TimeSpan.FromDays(1);
}
