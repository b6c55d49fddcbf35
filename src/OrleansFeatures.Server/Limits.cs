namespace OrleansFeatures.Server;

/// <summary>Every bound of the command line, with the arithmetic behind it.</summary>
internal static class Limits
{
    /// <summary>gRPC's address when none is given; loopback, because the store has no authentication of its own.</summary>
    public const string DefaultServer = "http://127.0.0.1:6565";

    /// <summary>REST's, likewise.</summary>
    public const string DefaultHttp = "http://127.0.0.1:6580";

    public const int DefaultGrpcPort = 6565;

    public const int DefaultHttpPort = 6580;

    /// <summary>One row of an input file. Twice the largest message the server takes, so that a row that is too large is still read and named by its line.</summary>
    public const int RowBytesMax = 32 * 1024 * 1024;

    /// <summary>Read buffer of an input file: a few hundred rows, and a multiple of every file system's block.</summary>
    public const int ReadBufferBytes = 256 * 1024;

    /// <summary>Columns of an input file: four times the fields that a stream may have.</summary>
    public const int ColumnsMax = 4 * Domain.Limits.StreamFieldsMax;

    /// <summary>Events of one push batch. 2,000 events of 100 bytes are 200 KB: one group commit's worth, and few enough that one refusal list stays small.</summary>
    public const int BatchEvents = 2_000;

    public const int BatchEventsMax = 100_000;

    /// <summary>A batch is sent when it holds this much, however few events that is.</summary>
    public const int BatchBytes = 256 * 1024;

    /// <summary>Largest row that is sent at all: the server takes messages of 16 MB, and the frame around one row needs less than 1 MB of field names.</summary>
    public const int PushRowBytesMax = 15 * 1024 * 1024;

    /// <summary>Batches sent and not yet acknowledged: 64 x 256 KB = 16 MB of client memory, and about 100,000 events in flight, half a second at full rate.</summary>
    public const int UnacknowledgedBatchesMax = 64;

    /// <summary>Refusals shown to the user; the counts cover all of them.</summary>
    public const int RefusalsShown = 10;

    /// <summary>How long push tries to get a lost connection back: a server restart with recovery of a day's log fits.</summary>
    public const int DefaultRetrySeconds = 10;

    /// <summary>Between two attempts to reconnect: short against the retry window, long against a refused connect.</summary>
    public const int RetryPauseMs = 250;

    /// <summary>Rows of one training or lookup message: 2,000 rows of three 16-byte keys are about 100 KB.</summary>
    public const int TrainingBatchRows = 2_000;

    /// <summary>Definition files of one plan: their sum stays below half of the server's 16 MB message limit.</summary>
    public const int DefinitionBytesMax = 8 * 1024 * 1024;

    /// <summary>A unary call that has no answer after this long is reported as unreachable.</summary>
    public const int CallTimeoutSeconds = 30;

    /// <summary>An explanation goes once through the log: half a billion records at a million a second.</summary>
    public const int ExplainTimeoutSeconds = 600;

    /// <summary>Applying definitions reads history: an hour covers a billion records at 300,000 a second.</summary>
    public const int ApplyTimeoutSeconds = 3_600;

    /// <summary>Quarantined events of one listing; the server's own bound.</summary>
    public const int QuarantineRowsMax = 1_000;

    /// <summary>Rows that watch remembers, to tell what has changed: some 2 KB each with 20 features, so 20 MB.</summary>
    public const int WatchedRowsMax = 10_000;

    /// <summary>A day of demo.</summary>
    public const int DemoSecondsMax = 86_400;

    /// <summary>Beyond what one loopback connection carries, so that a larger number is a mistake.</summary>
    public const int DemoRateMax = 5_000_000;

    /// <summary>Customers, or terminals: a million of either takes some hundred MB.</summary>
    public const int DemoPlayersMax = 1_000_000;

    /// <summary>Smallest memory budget, of all entities or of one: an entity of a few hundred events fits, and whatever is asked for below that is a slip of the unit.</summary>
    public const ulong MemoryBudgetBytesMin = 64 * 1024;

    /// <summary>Distance within which a misspelled name is suggested.</summary>
    public const int SuggestionDistanceMax = 3;

    /// <summary>Entities that reconcile draws when nobody says: some seconds beside the passes over the log, and one wrong entity in 300 is found with a probability of 95 %.</summary>
    public const int ReconcileSampleDefault = 1_000;

    /// <summary>What calls under way are given to finish when the server stops: a hundred times what a push takes. Streams are ended after half of it.</summary>
    public static readonly TimeSpan DrainMax = TimeSpan.FromSeconds(10);

    /// <summary>What closing the store may take once no call is under way. With the drain 25 s, below the 30 s after which supervisors (Kubernetes, docker stop with a margin) kill.</summary>
    public static readonly TimeSpan CloseMax = TimeSpan.FromSeconds(15);

    /// <summary>A checkpoint costs a few syncs and a pass over what changed: more often than every second, it would be most of the work.</summary>
    public static readonly TimeSpan CheckpointIntervalMin = TimeSpan.FromSeconds(1);

    /// <summary>Less log than this between checkpoints is a slip of the unit: a restart replays it in 10 ms.</summary>
    public const long CheckpointLogBytesMin = 1024 * 1024;

    /// <summary>Entities that leave memory sooner would be read again by the next event of a usual customer.</summary>
    public static readonly TimeSpan EntityIdleMin = TimeSpan.FromSeconds(1);

    /// <summary>Whoever keeps less history than a minute means another unit.</summary>
    public static readonly TimeSpan HistoryMin = TimeSpan.FromMinutes(1);

    /// <summary>A retry after a lost connection comes within seconds to minutes; less than a minute would double it.</summary>
    public static readonly TimeSpan DedupeHorizonMin = TimeSpan.FromMinutes(1);

    /// <summary>A checkpoint asked for, or all state built anew: an hour, as for definitions.</summary>
    public const int CheckpointTimeoutSeconds = ApplyTimeoutSeconds;

    /// <summary>Requests of a load run that have no answer at one moment: at 5,000 a second, two seconds without any answer; some 2 KB each make 20 MB.</summary>
    public const int LoadUnderWayMax = 10_000;

    /// <summary>What the spins of the pacing thread may take of one core: a twentieth, so that the server under test, on the same machine, does not notice.</summary>
    public const double LoadSpinShare = 0.05;

    /// <summary>The longest spin before a request is due: by as much a sleeper is usually woken late on a virtual machine.</summary>
    public const double LoadSpinNanosecondsMax = 60_000;

    /// <summary>Between two looks at the clock: some 50 ns, far below what a request takes.</summary>
    public const int LoadSpinIterations = 4;

    /// <summary>How often a waiting load run looks whether it has been cancelled.</summary>
    public const long LoadLookNanoseconds = 50_000_000;

    /// <summary>What a load run waits for answers after its last request was due: more than a request's own deadline.</summary>
    public static readonly TimeSpan LoadDrain = TimeSpan.FromSeconds(15);

    /// <summary>Slots of a load run's time line: 5 KB each make 3 MB for a lane, however long it runs, and a plot has no room for more.</summary>
    public const int LoadSlotsMax = 600;

    /// <summary>A load plan: some dozen lines of 150 bytes, and comments.</summary>
    public const int LoadPlanBytesMax = 256 * 1024;

    /// <summary>Requests a second of a load run: one pacing thread takes some 15 us for each, so that more would wait for it and not for the server.</summary>
    public const double LoadRateMax = 60_000;

    /// <summary>A load run shorter than this measures its own start.</summary>
    public const double LoadSecondsMin = 1;

    /// <summary>A week of soak.</summary>
    public const double LoadSecondsMax = 7 * 86_400;

    /// <summary>Rates rise by this much at most: more is another scenario.</summary>
    public const double LoadSpikeMax = 100;

    /// <summary>Entities of one batch lookup when nobody says.</summary>
    public const int LoadBatchRows = 100;

    /// <summary>Events of one push when nobody says: what a service that batches for some milliseconds has together.</summary>
    public const int LoadPushEvents = 100;

    /// <summary>Rows of all lookups that are made before the run and then sent again and again: 40,000 of two keys are 2 MB, and far more entities than a processor's caches hold.</summary>
    public const int LoadRowsPrepared = 40_000;

    /// <summary>Connections of a load run when nobody says: four carry twice what one does, and a service has several replicas that each have one.</summary>
    public const int LoadConnections = 4;

    public const int LoadConnectionsMax = 256;

    /// <summary>Entities that a load run draws from when nobody says: as many customers as the demo has.</summary>
    public const int LoadEntities = 5_000;

    /// <summary>Keys are drawn from a 32-bit range.</summary>
    public const int LoadEntitiesMax = 1_000_000_000;

    /// <summary>Events written before a run, at most: an hour of the store's own pace.</summary>
    public const int LoadPrepareMax = 1_000_000_000;

    /// <summary>Batches of prepared events under way: with 2,000 events each, enough that the disk's group commits are full.</summary>
    public const int LoadPrepareBatches = 8;

    /// <summary>A request of a load run without an answer after this long has failed: fifty times the longest that is promised.</summary>
    public const int LoadTimeoutSeconds = 10;

    /// <summary>Rows looked at before a run, to say whether the store knows the entities that it will be asked for.</summary>
    public const int LoadProbeRows = 100;

    /// <summary>Pacing is measured against nobody, before a run, for so long: 1,000 requests at 1,000 a second, enough for a p99.</summary>
    public static readonly TimeSpan LoadIdle = TimeSpan.FromSeconds(1);

    /// <summary>The longest warm-up that is chosen for the user: by then the hot paths of both sides are compiled and optimized.</summary>
    public static readonly TimeSpan LoadWarmUpMax = TimeSpan.FromSeconds(5);

    /// <summary>Requests sent later than this are the generator's fault: a fifth of the tightest promise, 5 ms.</summary>
    public static readonly TimeSpan LoadSendDelayMax = TimeSpan.FromMilliseconds(1);

    /// <summary>Between two drawings of a load run's figures.</summary>
    public static readonly TimeSpan LoadRedraw = TimeSpan.FromMilliseconds(250);

    /// <summary>Between two plain lines about a load run, where nobody watches.</summary>
    public static readonly TimeSpan LoadPlainLine = TimeSpan.FromSeconds(5);
}
