namespace OrleansFeatures.Gateway;

/// <summary>Every bound of the gateway, with the arithmetic behind it.</summary>
public static class Limits
{
    /// <summary>Bytes of an array that the keys of several rows share: below the 85,000 from which on arrays outlive the request that made them.</summary>
    public const int KeyRoomBytesMax = 64 * 1024;

    /// <summary>One definition file, in UTF-16 code units: about 10,000 features at 100 characters each.</summary>
    public const int DefinitionFileCharsMax = 1024 * 1024;

    /// <summary>Files of one feature repository.</summary>
    public const int DefinitionFilesMax = 256;

    /// <summary>All files of one feature repository together: sent in one message, kept in one database row each.</summary>
    public const int DefinitionTotalCharsMax = 8 * 1024 * 1024;

    /// <summary>Keys, values and lists of one file: 10,000 features of four keys are 90,000.</summary>
    public const int DefinitionNodesMax = 200_000;

    /// <summary>Nesting of a definition file: the language itself needs six levels.</summary>
    public const int DefinitionDepthMax = 16;

    /// <summary>Errors reported of one set of files: more are not read by anyone.</summary>
    public const int DefinitionErrorsMax = 100;

    /// <summary>Applies of definitions that are remembered: at ten a day, a quarter of a year.</summary>
    public const int AppliesKeptMax = 1_000;

    /// <summary>Refused events that are kept, the newest: 50 MB at 500 bytes each, 6.6 GB if every one were at its limit.</summary>
    public const int QuarantineRowsMax = 100_000;

    /// <summary>What is kept of one refused event, in UTF-8 bytes: two text fields at their limit.</summary>
    public const int QuarantineJsonBytesMax = 64 * 1024;

    /// <summary>Refused events, or late ones, returned by one listing.</summary>
    public const int QuarantineListMax = 1_000;

    /// <summary>Late events that are kept, the newest: as many as refused ones, and for the same reason.</summary>
    public const int LateRowsMax = 100_000;

    /// <summary>
    /// One gRPC message or REST body. A batch of 2,000 columnar events is some 100 KB; 16 MB lets an event with a 10 MB field in, so that it
    /// is refused by name and its neighbours are not.
    /// </summary>
    public const int MessageBytesMax = 16 * 1024 * 1024;

    /// <summary>Events of one push: a columnar event of six fields is 48 bytes, so a 4 MB message is 87,000 of them.</summary>
    public const int EventsPerPushMax = 100_000;

    /// <summary>Log records of one push, in bytes: half of what one append may hold, so that the last event, with a copy for every entity type, still fits.</summary>
    public const int PushRecordBytesMax = 32 * 1024 * 1024;

    /// <summary>
    /// Batches of one stream between reading and acknowledgement. A group commit takes some milliseconds; 32 batches of 2,000 events in 5 ms are
    /// twelve million events per second, so a stream never waits for its own acknowledgements, and holds some 8 MB at most at that size.
    /// </summary>
    public const int BatchesInFlightPerStream = 32;

    /// <summary>What a refused caller should wait before its next try: a few group commits.</summary>
    public const int RetryAfterMs = 20;

    /// <summary>Rows of one GetFeatures: at 1 us each, 10 ms of one core. More rows are a training query or several requests.</summary>
    public const int RowsPerReadMax = 10_000;

    /// <summary>Names of an explicit feature list.</summary>
    public const int SelectionNamesMax = 1_000;

    /// <summary>Compiled explicit lists kept; at some 20 KB each, 20 MB. A client that makes up more lists than that compiles again.</summary>
    public const int SelectionsCachedMax = 1_000;

    /// <summary>
    /// What a partial read keeps of its call's time for writing and sending the answer: one part in so many, but no more than <see cref="PartialMarginMax"/>, which 10,000 rows of 20 features take.
    /// </summary>
    public const int PartialMarginShare = 4;

    /// <summary>See <see cref="PartialMarginShare"/>.</summary>
    public static readonly TimeSpan PartialMarginMax = TimeSpan.FromMilliseconds(20);

    /// <summary>Patience of a read with a token that states none: a hundred times what applying usually takes.</summary>
    public static readonly TimeSpan TokenWaitDefault = TimeSpan.FromSeconds(1);

    /// <summary>Longest patience of a read with a token.</summary>
    public static readonly TimeSpan TokenWaitMax = TimeSpan.FromMinutes(1);

    /// <summary>Rows in one message of a training answer: some 12 features of 9 bytes are 430 KB.</summary>
    public const int TrainingRowsPerMessage = 4_000;

    /// <summary>Values that all training queries may hold at once: 40 bytes each, so 2 GB. Two queries of two million rows and twelve features.</summary>
    public const long TrainingCellsMax = 48_000_000;

    /// <summary>One message of a training answer, in bytes: half of what gRPC clients take by default (4 MB). Long lists make it shorter than the rows above.</summary>
    public const int TrainingMessageBytesMax = 2 * 1024 * 1024;

    /// <summary>JSON answers from so many bytes on are compressed for clients that ask for it: below two packets there is little to win.</summary>
    public const int CompressedAnswerBytesMin = 2_048;

    /// <summary>Explanations that are asked for at once: one is made (<see cref="Entities.Limits.ExplanationsAtOnceMax"/>), one waits for it. They are asked for by people, one at a time.</summary>
    public const int ExplainsAtOnceMax = 2;

    /// <summary>Events that an explanation lists of each kind when the request names no number: what somebody reads.</summary>
    public const int ExplainListDefault = 100;

    /// <summary>Events that an explanation lists of each kind: some 100 bytes each, so 2 MB for a feature.</summary>
    public const int ExplainListMax = 10_000;

    /// <summary>Quarantined or late events that one listing returns when the request names no number.</summary>
    public const int QuarantineListDefault = 100;

    /// <summary>Connections at once, over both listeners. One that has said nothing costs some 5 KB, one that has greeted in HTTP/2 some 30 KB, so all of them half a gigabyte at the worst.</summary>
    public const int ConnectionsMax = 16_384;

    /// <summary>Files that connections leave to the log, the state and the rest of the process: segments and state files of a few hundred gigabytes.</summary>
    public const int FilesReserved = 1_024;

    /// <summary>A connection's first words, HTTP/2's 24-byte preface or a request line, are due after so long: several round trips around the world, with lost packets.</summary>
    public static readonly TimeSpan GreetingMax = TimeSpan.FromSeconds(10);

    /// <summary>From a request's first byte to the end of its headers.</summary>
    public static readonly TimeSpan RequestHeadersMax = TimeSpan.FromSeconds(15);

    /// <summary>A connection without any call is closed after so long; gRPC clients open another one when they need it.</summary>
    public static readonly TimeSpan IdleConnectionMax = TimeSpan.FromMinutes(5);

    /// <summary>An HTTP/2 connection that has been silent for so long, calls or not, is asked whether it is still there.</summary>
    public static readonly TimeSpan PingAfter = TimeSpan.FromSeconds(30);

    /// <summary>What it is given to answer: a machine that has vanished, or a process that is stopped, holds its streams no longer than the two together.</summary>
    public static readonly TimeSpan PingAnswerMax = TimeSpan.FromSeconds(20);

    /// <summary>Subscriptions at once: each holds a slice of changes, some rows and a message, 3 MB at the very worst and some 300 KB usually; so 750 MB and 75.</summary>
    public const int SubscriptionsMax = 256;

    /// <summary>Rows that one subscription lists: some 300 bytes each with their keys and where they are found, so 3 MB.</summary>
    public const int SubscriptionKeysMax = 10_000;

    /// <summary>Rows of a subscription that are read, and sent, at once: with 20 features some 200 KB of values, and 60 KB of message.</summary>
    public const int SubscriptionRowsPerRead = 256;

    /// <summary>A subscriber that has been sent everything waits so long before it looks for more: changes that lie closer together are one row, and a busy log wakes it two hundred times a second and not thousands.</summary>
    public static readonly TimeSpan SubscriptionPause = TimeSpan.FromMilliseconds(5);

    /// <summary>A subscriber hears something each second; a tick is half of that, because what was sent just after one counts until the one after the next.</summary>
    public static readonly TimeSpan SubscriptionTick = TimeSpan.FromMilliseconds(500);

    /// <summary>How long a place is waited for that this server's log has not reached: in a cluster another server may have handed it out, and a lost notification is made good within a second.</summary>
    public static readonly TimeSpan PlaceAheadMax = TimeSpan.FromSeconds(2);

    /// <summary>Between two looks meanwhile.</summary>
    public static readonly TimeSpan PlaceAheadLook = TimeSpan.FromMilliseconds(50);

    /// <summary>Predictions that are kept, the newest: some 600 bytes each for 20 features with what finds them, so 600 MB on disk, and 40 bytes of memory for each entity behind them.</summary>
    public const int PredictionsKeptMax = 1_000_000;

    /// <summary>How long a prediction is kept where nobody says: as long as labels usually take to come back.</summary>
    public static readonly TimeSpan PredictionHistoryDefault = TimeSpan.FromDays(30);

    /// <summary>A prediction's id: a URL, or two UUIDs and a few words.</summary>
    public const int PredictionIdCharsMax = 256;

    /// <summary>Predictions that wait for a commit: two reads at their limit of rows, or half a second of what SQLite keeps; some 40 MB.</summary>
    public const int PredictionsWaitingMax = 2 * RowsPerReadMax;

    /// <summary>Predictions of one commit, but for the last call's: some 50 us each, so nobody waits for more than a tenth of a second of others.</summary>
    public const int PredictionsPerCommitMax = 2_000;

    /// <summary>How often predictions that are too old are let go: a batch then is a minute's worth.</summary>
    public static readonly TimeSpan PredictionsLetGoEvery = TimeSpan.FromMinutes(1);

    /// <summary>Entities behind predictions that are loaded by one statement: some 10 ms, which whoever else wants the database waits.</summary>
    public const int WatchedEntitiesPage = 10_000;

    /// <summary>Predictions that are asked again, and written, together: some 2 KB each, and 5 ms of reads.</summary>
    public const int AmendmentPage = 1_000;

    /// <summary>Amendments that are kept, the newest: one of three features is 300 bytes, so 300 MB.</summary>
    public const int AmendmentsKeptMax = 1_000_000;

    /// <summary>How often it is looked for what other processes have written, the place in the log is put down where nothing was found, and a subscriber hears that somebody is there.</summary>
    public static readonly TimeSpan AmendmentTick = TimeSpan.FromSeconds(1);

    /// <summary>After trouble, and between two looks whether it is this process's turn.</summary>
    public static readonly TimeSpan AmendmentRetryAfter = TimeSpan.FromSeconds(1);

    /// <summary>Between two passes over the log for what live state has forgotten, at least.</summary>
    public static readonly TimeSpan HistoryAnswersPause = TimeSpan.FromSeconds(10);

    /// <summary>And at least so many times as long as the last pass took: the log is read for it a tenth of the time at most.</summary>
    public const int HistoryAnswersShare = 9;

    /// <summary>Subscribers of amendments at once: each holds a message of some 60 KB.</summary>
    public const int AmendmentSubscribersMax = 256;

    /// <summary>Amendments of one message: some 300 bytes each, and 10 KB where many features with long lists have changed; half of what gRPC clients take by default.</summary>
    public const int AmendmentsPerMessage = 200;

    /// <summary>
    /// Calls at once on one connection; clients hold back the rest by themselves, which is the one way to turn calls away that costs the server nothing. RFC 9113 (6.5.2) wants no less than 100. At 2 ms to and fro
    /// that is 50,000 calls a second on one connection, several times what one connection carries.
    /// </summary>
    public const int CallsPerConnectionMax = 100;

    /// <summary>Lookups under way. In one process they hardly ever wait, so this bounds those that wait for tokens or for other silos: at 10 KB each 40 MB, and at 2 ms each two million a second.</summary>
    public const int LookupsMax = 4_096;

    /// <summary>Pushes under way. Small ones wait some milliseconds for a group commit, so at 5 ms 200,000 a second; what large ones hold is bounded by <see cref="IngestBytesMax"/>.</summary>
    public const int PushesMax = 1_024;

    /// <summary>One client that gives its name may have a quarter of either: three more like it find room.</summary>
    public const int ClientShare = 4;

    /// <summary>Names of clients whose calls are counted apart: some 200 bytes each, 2 MB.</summary>
    public const int ClientNamesMax = 10_000;

    /// <summary>Longer names are no names.</summary>
    public const int ClientNameCharsMax = 128;

    /// <summary>How often it is looked how long calls wait for a thread: often enough to see a burst begin, at 0.1 % of a core.</summary>
    public static readonly TimeSpan QueueDelayLook = TimeSpan.FromMilliseconds(5);

    /// <summary>After a second without calls nobody looks.</summary>
    public const int QueueDelayIdleLooks = 200;

    /// <summary>Up to 5 ms of waiting nothing but counts is looked at.</summary>
    public const long QueueDelayShortMicros = 5_000;

    /// <summary>
    /// Lookups that keep a thread at the same time: as many as there are cores, since more would only take turns. What waits for something has given its place back.
    /// </summary>
    public static readonly int LookupsRunningMax = Math.Max(2, Environment.ProcessorCount);

    /// <summary>
    /// Lookups that wait for a slot are few while there are eight for each: they are answered late rather than refused. More are refused after their patience.
    /// </summary>
    public const int LineShortPerSlot = 8;

    /// <summary>They are a flood when not all get a turn in half of their patience, at the pace that was seen, so that there is as much time again for a pace that falls.</summary>
    public const int FloodShare = 2;

    /// <summary>A call may wait for three quarters of its own time: the rest is for its answer.</summary>
    public const double WaitingShare = 0.75;

    /// <summary>That pace begins at the most there can be, of one slot: the smallest lookup keeps its thread for 25 us. Halved ten times a second, it has come down to calls of 10 ms after 0.9 s.</summary>
    public const int TurnsPerSecondMost = 40_000;

    /// <summary>It is taken over a tenth of a second: several turns even of calls that are 50 ms of work.</summary>
    public static readonly TimeSpan TurnPaceWindow = TimeSpan.FromMilliseconds(100);

    /// <summary>Lookups that have waited a quarter of a second for a thread are refused while they are a crowd, earlier if their deadline is shorter. Not much earlier, because a refusal costs as much of HTTP/2 as an answer does.</summary>
    public static readonly TimeSpan LookupDelayMax = TimeSpan.FromMilliseconds(250);

    /// <summary>
    /// Lookups are a crowd, and may be refused for a long wait, from 500 a second for each core on: of one row and 25 us each that is an eightieth of the cores' time, of 1,500 rows and 2 ms all of it. Fewer did not make calls wait.
    /// </summary>
    public static readonly int LookupsCrowdPerSecond = 500 * Environment.ProcessorCount;

    /// <summary>Pushes are weighed by their events, and a crowd from 50,000 a second for each core on: at 1 us to read an event a twentieth of the cores' time.</summary>
    public static readonly int EventsCrowdPerSecond = 50_000 * Environment.ProcessorCount;

    /// <summary>What a push is worth beside its events, as events: HTTP/2, a turn and a group commit are some 50 us. So of pushes of one event a thousand a second for each core are a crowd, of 5,000 events ten.</summary>
    public const int PushWorthEvents = 50;

    /// <summary>What is left, of what calls have brought, with each further probe: ten of them are remembered, so that one whose events are read while the next probe waits is counted with its own.</summary>
    public const double CrowdMemory = 0.9;

    /// <summary>Pushes only much later, so that a flood of lookups, which keeps the delay at their own bound, never stops events.</summary>
    public static readonly TimeSpan PushDelayMax = TimeSpan.FromSeconds(1);

    /// <summary>Pushes that are read at the same time, in CPU time without a pause: half of the cores, so that lookups find threads and cores during a flood of events.</summary>
    public static readonly int PushesReadAtOnceMax = Math.Max(1, Environment.ProcessorCount / 2);

    /// <summary>Events of a push that are read before its core is offered (<see cref="Entities.CoreOffer"/>): some 30 us, a fraction of a small lookup; an offer costs a thirtieth of that.</summary>
    public const int CoreOfferEvents = 32;

    /// <summary>Single pushes that may wait for their turn to be read; at a millisecond each, and two at once, a quarter of a second.</summary>
    public const int PushesWaitingMax = 512;

    /// <summary>Log records of pushes that have been read and are not durable yet, of all connections: four times what the log takes into its queue (64 MB). Whoever comes then waits, or is refused.</summary>
    public const long IngestBytesMax = 256L * 1024 * 1024;
}
