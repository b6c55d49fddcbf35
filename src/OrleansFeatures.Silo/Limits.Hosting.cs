namespace OrleansFeatures.Silo;

/// <content>How a silo starts, lives among others and leaves.</content>
public static partial class Limits
{
    /// <summary>Where silos talk to each other when nobody says: Orleans's own default.</summary>
    public const int DefaultSiloPort = 11_111;

    /// <summary>Partitions of a new store: a bounded share of them moves with every silo that joins or leaves, up to some twenty silos.</summary>
    public const int PartitionsDefault = 64;

    /// <summary>Less would load usual customers' entities with every event, and Orleans takes no collection age below twice <see cref="CollectionQuantum"/>.</summary>
    public static readonly TimeSpan EntityIdleMin = TimeSpan.FromSeconds(10);

    /// <summary>Orleans looks for idle activations this often, so an entity leaves at most so much after it might.</summary>
    public static readonly TimeSpan CollectionQuantum = TimeSpan.FromSeconds(5);

    /// <summary>A silo asks its neighbours for a sign of life this often and waits as long; two unanswered and it is declared dead: some 2 s at the most for one that hangs, under 1 s for one whose process is gone.</summary>
    public static readonly TimeSpan ProbeTimeout = TimeSpan.FromSeconds(1);

    public const int MissedProbesMax = 2;

    /// <summary>One witness is enough: with more, a cluster of three that loses two cannot declare either dead. A silo that was wrongly declared dead ends itself, and fencing keeps its checkpoints out.</summary>
    public const int DeathVotes = 1;

    /// <summary>Members are read from Redis at least this often, should gossip have missed a change.</summary>
    public static readonly TimeSpan MembershipRefresh = TimeSpan.FromSeconds(5);

    /// <summary>A silo writes to Redis that it is alive this often; one that has not for three of these is not waited for by those who join.</summary>
    public static readonly TimeSpan AliveInterval = TimeSpan.FromSeconds(5);

    /// <summary>Calls under way that a setting can allow: at 10 KB each 10 GB, so more is a slip and no setting.</summary>
    public const int CallsSettingMax = 1_000_000;

    /// <summary>A lookup takes a tenth of a millisecond; who may not wait ten of them for a thread is refused whenever two come at once.</summary>
    public static readonly TimeSpan ShedAfterMin = TimeSpan.FromMilliseconds(1);

    /// <summary>From start to ready, unless told otherwise: joining takes a second, loading and replaying what was lost some more.</summary>
    public static readonly TimeSpan StartTimeoutDefault = TimeSpan.FromMinutes(2);

    /// <summary>Between "not ready" and the first refused call: two periods of a load balancer that asks every second.</summary>
    public static readonly TimeSpan LeaveGraceDefault = TimeSpan.FromSeconds(2);

    /// <summary>From SIGTERM to the end of the process at the latest. Below it, in this order: the grace above, running calls, partitions, the rest.</summary>
    public static readonly TimeSpan DrainMaxDefault = TimeSpan.FromSeconds(40);

    /// <summary>Shortest drain that leaves every step some time.</summary>
    public static readonly TimeSpan DrainMin = TimeSpan.FromSeconds(5);

    /// <summary>What running calls are given to finish, of the drain: a hundred times what a push takes.</summary>
    public static readonly TimeSpan CallsDrainMax = TimeSpan.FromSeconds(10);

    /// <summary>What partitions are given to apply and checkpoint, of the drain: 100,000 dirty entities of 4 KB take some five seconds.</summary>
    public static readonly TimeSpan PartitionsDrainMax = TimeSpan.FromSeconds(20);

    /// <summary>What partitions that were made durable are given to start elsewhere before Orleans stops here: the other silos notice within a second that this one leaves.</summary>
    public static readonly TimeSpan StopMax = TimeSpan.FromSeconds(30);

    /// <summary>Readiness is looked at this often: a fraction of the period of any probe, and one query a second to PostgreSQL.</summary>
    public static readonly TimeSpan ReadinessInterval = TimeSpan.FromSeconds(1);

    /// <summary>PostgreSQL that has not answered a trivial query by then counts as down.</summary>
    public static readonly TimeSpan PostgresAnswerMax = TimeSpan.FromSeconds(2);

    /// <summary>Partitions that readiness names; more of them say nothing new.</summary>
    public const int PartitionsNamedMax = 5;

    /// <summary>Connecting to Redis at start; three attempts of its client's own 5 s.</summary>
    public static readonly TimeSpan RedisConnectMax = TimeSpan.FromSeconds(15);

    /// <summary>What one silo may take to answer another's question about itself.</summary>
    public static readonly TimeSpan ReportMax = TimeSpan.FromSeconds(3);

    /// <summary>Tries to make definitions live at start: each one that fails means that another silo has made others live meanwhile.</summary>
    public const int DefinitionAttemptsMax = 5;

    /// <summary>Ends of a partition that are remembered to say for how long it has been behind: an hour of seconds.</summary>
    public const int LagLooksMax = 3_600;
}
