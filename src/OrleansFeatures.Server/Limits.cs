namespace OrleansFeatures.Server;

/// <summary>Every bound of the command line, with the arithmetic behind it.</summary>
internal static class Limits
{
    /// <summary>gRPC's address when none is given; loopback, because the store has no authentication of its own.</summary>
    public const string DefaultServer = "http://127.0.0.1:6565";

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
}
