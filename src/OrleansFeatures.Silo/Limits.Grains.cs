namespace OrleansFeatures.Silo;

/// <summary>Of grains, reads and what keeps them.</summary>
public static partial class Limits
{
    /// <summary>One part in so many of a partial read's time is for the answer's way back from another silo: of 20 ms, 2.5.</summary>
    public const int AnswerTravelShare = 8;

    /// <summary>
    /// An owner that could not confirm itself in PostgreSQL for so long answers no reads: whoever takes a partition over waits for a silo's death to be noticed, so that another owner has hardly answered by then; and
    /// an owner whose process stood still wakes up with an old confirmation, and does not answer at all. Five times <see cref="ConfirmEvery"/>, so that one slow answer of PostgreSQL stops nobody.
    /// </summary>
    public static readonly TimeSpan OwnerConfirmedFor = TimeSpan.FromSeconds(5);

    /// <summary>How often a silo asks whether its claims stand: one query for all of them.</summary>
    public static readonly TimeSpan ConfirmEvery = TimeSpan.FromSeconds(1);

    /// <summary>How often a silo looks whether partitions that are its own by the plan are active, others are not, and the ones it owns get on.</summary>
    public static readonly TimeSpan KeepEvery = TimeSpan.FromSeconds(1);

    /// <summary>The same while a partition of the plan has no owner here yet: the owner before is at its last checkpoint.</summary>
    public static readonly TimeSpan KeepEagerly = TimeSpan.FromMilliseconds(50);

    /// <summary>How often silos ask each other how far their partitions have come: stream time as reads know it is at most so much behind.</summary>
    public static readonly TimeSpan PositionsEvery = TimeSpan.FromMilliseconds(100);

    /// <summary>How long a read with a token waits for stream time to come as far as the token, over what it waited for the token: positions are asked for at once then, so this is some milliseconds unless a silo hangs.</summary>
    public static readonly TimeSpan StreamTimeWaitMax = TimeSpan.FromMilliseconds(250);

    /// <summary>Least time between two such questions to the same silos, however many reads wait.</summary>
    public static readonly TimeSpan PositionsPause = TimeSpan.FromMilliseconds(2);

    /// <summary>Between checkpoints of one partition: a new owner reads that much of the log again, some 100,000 events where 20,000 come a second.</summary>
    public static readonly TimeSpan CheckpointEvery = TimeSpan.FromSeconds(5);

    /// <summary>Entities that a partition may have changed since its checkpoint: beyond, it takes one before it goes on. At 600 bytes a row 12 MB are in memory while it is written.</summary>
    public const int DirtyEntitiesMax = 20_000;

    /// <summary>Entities saved in one turn of a partition's gate: some 3 us each, which is what a reader may wait for.</summary>
    public const int SaveTurnEntities = 16;

    /// <summary>
    /// Names and grain references that a partition keeps of the entities it delivers to, so that a batch makes none anew: some 250 bytes each, so 1 MB for each partition. When they are more, all are dropped and made again as needed.
    /// </summary>
    public const int EntityRefsMax = 4_096;

    /// <summary>Deliveries that wait behind one that is under way. More are let go: whoever is at it then reads the log to the end by itself.</summary>
    public const int DeliveriesWaitingMax = 2;

    /// <summary>How long a delivery may take before its stream is told that all is well and the rest goes on without it. Shorter than a call between grains may take (30 s by default), so that nothing is offered twice.</summary>
    public static readonly TimeSpan DeliveryPatience = TimeSpan.FromSeconds(15);

    /// <summary>The first pause before entities that failed are tried again; it doubles up to <see cref="RetryPauseMax"/>.</summary>
    public static readonly TimeSpan RetryPauseMin = TimeSpan.FromMilliseconds(5);

    /// <summary>What fails for seconds (PostgreSQL is away) is tried twice a second.</summary>
    public static readonly TimeSpan RetryPauseMax = TimeSpan.FromMilliseconds(500);

    /// <summary>How long a partition that is to move tries to take its last checkpoint. Without one nothing is lost: the next owner reads more of the log.</summary>
    public static readonly TimeSpan LastCheckpointMax = TimeSpan.FromSeconds(8);

    /// <summary>How long an entity's grain stays that nobody has called.</summary>
    public static readonly TimeSpan EntityIdleAfter = TimeSpan.FromHours(1);

    /// <summary>Reads do not pass by the grain, so one that is read tells it now and then: well within <see cref="EntityIdleAfter"/>.</summary>
    public static readonly TimeSpan TouchEvery = TimeSpan.FromMinutes(10);

    /// <summary>What an entity takes in a silo beside its rows: actor and state 160 bytes, its grain 2.3 KB (measured: docs/cluster.md).</summary>
    public const int ResidentOverheadBytes = 2_500;

    /// <summary>Entities of one partition that are let go in one look, while memory is over its budget.</summary>
    public const int UnwantedMax = 2_000;

    /// <summary>Memory of a silo's entities where nobody says otherwise.</summary>
    public const long MemoryBudgetBytesDefault = 4L * 1024 * 1024 * 1024;

    /// <summary>How long a read waits without getting any further, for an owner of each partition concerned: a silo's death is noticed within a second or two, and the next owner has mostly caught up another second later.</summary>
    public static readonly TimeSpan ReadPatience = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long one call to another silo may take before it is made again, by then perhaps elsewhere: a call to a silo that was killed would else hang until the cluster notices. Reads take milliseconds; the longest that is waited inside
    /// is <see cref="OwnerWaitMax"/>.
    /// </summary>
    public static readonly TimeSpan SiloCallMax = TimeSpan.FromSeconds(2);

    /// <summary>How long a silo that is asked waits for a partition to become its own and to catch up, before it says that it has not.</summary>
    public static readonly TimeSpan OwnerWaitMax = TimeSpan.FromMilliseconds(500);

    /// <summary>How long one question whether an offset has been applied is held open.</summary>
    public static readonly TimeSpan AppliedWaitMax = TimeSpan.FromSeconds(1);

    /// <summary>Grain activations of one entity that a read asks for before it gives up on this try: more than one only where it is activated elsewhere, and has to leave first.</summary>
    public const int WakesMax = 8;

    /// <summary>How often a silo looks whether other definitions are live.</summary>
    public static readonly TimeSpan DefinitionsEvery = TimeSpan.FromSeconds(1);

    /// <summary>How often history that is older than it has to be is looked for.</summary>
    public static readonly TimeSpan RetentionEvery = TimeSpan.FromMinutes(1);

    /// <summary>Appends whose marks wait to be told to the clocks of reads: some 500 bytes each, so 4 MB, and at a thousand appends a second eight seconds of a partition that stands still. Those behind them wait in PostgreSQL.</summary>
    public const int MarksWaitingMax = 8_192;

    /// <summary>
    /// Entities in one call to another silo, which has <see cref="SiloCallMax"/> to answer: waking one that is not in memory costs some 100 us, so all of them come within a tenth of a second, and on a machine that is ten times overloaded
    /// still in time. A larger read makes several, one after the other.
    /// </summary>
    public const int QuestionsPerCallMax = 512;
}
