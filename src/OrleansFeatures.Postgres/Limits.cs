namespace OrleansFeatures.Postgres;

/// <summary>Every bound of what is kept in PostgreSQL, with its arithmetic.</summary>
public static class Limits
{
    /// <summary>Default of <see cref="PostgresOptions.PoolConnectionsMax"/>: a silo's checkpoints, loads and metadata are a few statements at once; three silos and some operators stay below PostgreSQL's 100.</summary>
    public const int PoolConnectionsMax = 20;

    /// <summary>A name in PostgreSQL has 63 bytes; the channel of notifications adds to it.</summary>
    public const int SchemaNameBytesMax = 40;

    /// <summary>Statements that a connection keeps prepared: the store has about fifty, all of them constant.</summary>
    public const int PreparedStatementsMax = 100;

    /// <summary>A connection that is not there after this is not there: a server on the same network answers in milliseconds.</summary>
    public const int ConnectSecondsMax = 5;

    /// <summary>No statement of the store should come near it; a network that swallows packets is noticed by it.</summary>
    public const int CommandSecondsMax = 30;

    /// <summary>Silence after which TCP asks whether the other side is there, and how often: we find a dead peer in 10 + 9 x 5 s, by Linux's default of nine questions; PostgreSQL finds us in 10 + 3 x 5 s.</summary>
    public const int KeepAliveSeconds = 10;

    /// <inheritdoc cref="KeepAliveSeconds"/>
    public const int KeepAliveIntervalSeconds = 5;

    /// <summary>Questions of PostgreSQL's that go unanswered; by default it would ask for the first time after two hours.</summary>
    public const int KeepAliveQuestions = 3;

    /// <summary>Default of <see cref="PostgresOptions.AppendIdleMax"/>: between the two round trips of an append lies a millisecond of work, and at most <see cref="PresenceMax"/> of asking entities.</summary>
    public static readonly TimeSpan AppendIdleMax = TimeSpan.FromSeconds(5);

    /// <summary>Default of <see cref="PostgresOptions.PresenceMax"/>: a grain answers in a millisecond, or after its activation in some ten. Appends of the whole cluster wait meanwhile.</summary>
    public static readonly TimeSpan PresenceMax = TimeSpan.FromSeconds(2);

    /// <summary>How long an append waits for those of other silos: two that hang are cut off one after the other (2 x 5 s), and a dozen of full size have their turn in the rest.</summary>
    public static readonly TimeSpan AppendLockMax = TimeSpan.FromSeconds(15);

    /// <summary>Default of <see cref="PostgresOptions.AppendQueueBytesMax"/>: eight groups of the largest size. As many again lie encoded in the transaction under way.</summary>
    public const long AppendQueueBytesMax = 8L * AppendGroupBytesMax;

    /// <summary>
    /// What one append transaction takes together: 4 MB are some 10,000 events of 400 bytes with both copies, about 100 ms of work, for which the other silos wait. Twice as much is a tenth faster. A batch that is larger by itself goes alone.
    /// </summary>
    public const int AppendGroupBytesMax = 4 * 1024 * 1024;

    /// <summary>Batches that may wait, whatever their size, and callers that may wait for room: each is one push with its own memory.</summary>
    public const int WaitingAppendsMax = 65_536;

    /// <summary>Between attempts to reach PostgreSQL: it doubles from the first to the second; appends meanwhile fail at once.</summary>
    public static readonly TimeSpan ReconnectMin = TimeSpan.FromMilliseconds(50);

    /// <inheritdoc cref="ReconnectMin"/>
    public static readonly TimeSpan ReconnectMax = TimeSpan.FromSeconds(2);

    /// <summary>How often the follower looks at the head of the log although nobody told it to: what a lost notification costs at most.</summary>
    public static readonly TimeSpan FollowFallback = TimeSpan.FromSeconds(1);

    /// <summary>A look at the head is one row; a listener whose connection swallows it is given up after this and begins anew.</summary>
    public const int LookSecondsMax = 5;

    /// <summary>Bytes that wait in one tail until they are read. What comes on top stays in PostgreSQL. 64 tails that nobody reads hold 128 MB.</summary>
    public const int TailBytesMax = 2 * 1024 * 1024;

    /// <summary>Rows that wait in one tail: at 200 bytes of objects each, below a megabyte.</summary>
    public const int TailRowsMax = 4_096;

    /// <summary>Bytes that one query fetches for one partition, but at least one row: as much as a tail holds.</summary>
    public const int FetchBytesMax = TailBytesMax;

    /// <summary>Rows that one query looks at for one partition: an append of a single event is a row, so a thousand appends a second of one partition need eight queries.</summary>
    public const int FetchRowsMax = 128;

    /// <summary>Partitions that one query fetches for: 16 x 2 MB are 32 MB in memory at once, and 64 partitions have their turn in four queries.</summary>
    public const int FetchPartitionsMax = 16;

    /// <summary>Bytes that a pass over history has in memory at once, but at least one append: large enough that a round trip (about 0.2 ms) vanishes beside reading 8 MB (some 30 ms).</summary>
    public const int HistoryBytesMax = 8 * 1024 * 1024;

    /// <summary>Appends that a pass over history reads with one query.</summary>
    public const int HistoryAppendsMax = 1_024;

    /// <summary>Marks of appends that one query fetches.</summary>
    public const int MarksFetchMax = 1_024;

    /// <summary>A notification's payload is below 8,000 bytes in PostgreSQL; one that would be larger says only that there is something.</summary>
    public const int NotifyBytesMax = 7_500;

    /// <summary>Rows that one statement of the retention deletes: some ten milliseconds of work, so that appends do not wait behind it.</summary>
    public const int RetentionRowsPerStatement = 2_000;

    /// <summary>Rows of one statement of a checkpoint. From 100 on a row costs the same; 500 rows of 600 bytes are 300 KB, which the server unpacks at once.</summary>
    public const int RowsPerStatement = 500;

    /// <summary>States of one statement of a checkpoint: 250 rows of 4 KB. A larger state goes alone.</summary>
    public const int BytesPerStatement = 1024 * 1024;

    /// <summary>Checkpoints that a process writes at the same time, each on a connection of its own. PostgreSQL writes one log: more at once only wait for each other.</summary>
    public const int CheckpointsAtOnce = 4;

    /// <summary>
    /// Partitions that a process acquires at the same time: each may wait on a connection for a former owner's write. With checkpoints (4) and loads (4) they leave a fifth of the pool's 20 connections to
    /// confirmations, metadata and the ending of such writes.
    /// </summary>
    public const int AcquisitionsAtOnce = 8;

    /// <summary>A key in the primary key's index: an index entry may have a third of a page, 2,704 bytes, of which the other columns and headers take less than 100.</summary>
    public const int EntityKeyBytesMax = 2_600;

    /// <summary>One state: PostgreSQL takes messages and fields up to 1 GB.</summary>
    public const int EntityStateBytesMax = 512 * 1024 * 1024;

    /// <summary>Loads of one query. At 256 the round trip is a hundredth of what the probes of the index cost.</summary>
    public const int LoadsPerQuery = 256;

    /// <summary>Queries for loads that a process has under way at the same time: as many as keep a server of four cores busy.</summary>
    public const int LoadQueriesAtOnce = 4;

    /// <summary>Loads that wait in a process: 64 partitions with 4,000 cold entities each. At some 250 bytes each, 64 MB.</summary>
    public const int LoadsWaitingMax = 256_000;

    /// <summary>How long a new owner waits for a write of the former one. A checkpoint of 100,000 rows takes one second; who needs longer is stopped, or cut off.</summary>
    public static readonly TimeSpan AcquirePatience = TimeSpan.FromSeconds(2);

    /// <summary>Rows of an older generation that one statement deletes: a fraction of a second, so that nothing waits long for it.</summary>
    public const int RowsForgottenAtOnce = 10_000;

    /// <summary>Attempts at a transaction of metadata that another silo was in the way of. They are short, so the second succeeds as a rule.</summary>
    public const int MetadataAttemptsMax = 5;
}
