using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Entities.Checkpoints;
using OrleansFeatures.Entities.Following;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Entities.Operations;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Entities.Reads;

namespace OrleansFeatures.Entities;

/// <summary>
/// Where entities live: the one seam between what the store means and where it runs. The embedded host runs them in this process over a local
/// log; a cluster host runs them as grains. Nothing about windows, duplicates or reads may live in a host: an implementation moves records
/// to partitions and reads to actors, nothing else.
/// </summary>
/// <remarks>Thread-safe. Every method may be called at any time after the host has started.</remarks>
public interface IEntityHost
{
    /// <summary>The live definitions. A request takes it once and uses that instance throughout.</summary>
    Catalog Catalog { get; }

    /// <summary>Begins a batch of events against the live catalog. Dispose it in every case.</summary>
    /// <exception cref="OperationCanceledException">Definitions were being changed, and the token fired first.</exception>
    ValueTask<IntakeBatch> BeginBatchAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Makes the batch durable. Completion means: on disk (or in the remote log), will be applied exactly once in effect. With
    /// <paramref name="wait"/> a full queue delays the append (streams); without, it returns false and nothing was appended (unary calls).
    /// Cancellation is honoured until the append is queued; after that the append completes regardless.
    /// <para>Corrections go in behind the inserts, in as many parts as it takes for each to meet the version before it; then <see cref="IntakeBatch.Corrections"/> says what became of them. One may
    /// have to wait for another batch that corrects or inserts the same event, which cancellation ends; what was durable before stays, and a retry is safe.</para>
    /// </summary>
    /// <exception cref="Log.LogException">The log refused or failed; nothing of the batch is acknowledged, a retry with the same ids is safe.</exception>
    /// <exception cref="OriginalNotDurableException">A duplicate of the batch cannot be acknowledged yet.</exception>
    ValueTask<bool> AppendAsync(IntakeBatch batch, bool wait, CancellationToken cancellationToken);

    /// <summary>Completes when the partition has applied everything through the offset.</summary>
    /// <exception cref="OperationCanceledException">Not within the caller's patience.</exception>
    /// <exception cref="TooManyWaitersException"><see cref="Limits.TokenWaitersMax"/> reads are waiting already.</exception>
    ValueTask WaitAppliedAsync(PartitionOffset position, CancellationToken cancellationToken);

    /// <summary>
    /// Fills the read's values from live state, each entity's from one state version. A partial read (<see cref="FeatureRead.Partial"/>) returns when its time is over, with what has been read until then; a row of which an
    /// entity is damaged, or out of reach, is given up. Rows given up before the call are not read. Without it such a row fails the read, by the exception that says why.
    /// </summary>
    /// <exception cref="DefinitionsChangedException">The read's selection is of a catalog that is no longer live; resolve it again.</exception>
    ValueTask ReadAsync(FeatureRead read, CancellationToken cancellationToken);

    /// <summary>
    /// Fills the read's values for any past instant: from live state where it reaches, the rest by passes over the log with the same domain code.
    /// Costs a scan of the whole log as soon as one row needs it, and waits for its turn first: <see cref="Limits.HistoryReadsAtOnceMax"/> are made at the same time.
    /// </summary>
    /// <exception cref="DefinitionsChangedException">As for <see cref="ReadAsync"/>.</exception>
    /// <exception cref="History.HistoryCutException">Old history was dropped where a pass was about to read it, each of <see cref="Limits.HistoryTriesMax"/> times. Asked again, what would need it answers OUTSIDE_RETENTION.</exception>
    /// <exception cref="Log.LogException">The log cannot be read.</exception>
    ValueTask ReadHistoryAsync(FeatureRead read, IProgress<HistoryProgress>? progress, CancellationToken cancellationToken);

    /// <summary>
    /// Makes another catalog live: events wait, reads go on with the old definitions until the new features have caught up with all of history.
    /// <paramref name="commit"/> runs when everything is ready, just before the switch; if it throws, the old definitions stay.
    /// Returns the records replayed.
    /// </summary>
    ValueTask<long> ChangeCatalogAsync(Catalog next, Action commit, CancellationToken cancellationToken);

    /// <summary>Stream time: events up to here have been seen, and applied, from every active producer. Null before the first event.</summary>
    long? StreamTimeMicros(StreamPlan stream);

    /// <summary>The newest durable record of a partition: what a read must have seen to know of everything acknowledged so far. Cheap.</summary>
    Log.LogOffset DurableOffset(Log.PartitionId partition);

    /// <summary>The newest durable record of all, as far as this entry to the store knows; <see cref="DurableOffset"/> asked afterwards is not behind it. Cheap.</summary>
    Log.LogSequence DurableSequence { get; }

    /// <summary>
    /// What changes of entities behind a place in the log, in the log's order, in slices of at most <see cref="Limits.FollowSliceChangesMax"/>; each is applied before it is shown, so that a read sees it. Goes on for ever: waits for more,
    /// without polling where the host can tell, and ends by cancellation only. A slice without changes says how far it is, where only records that <paramref name="filter"/> does not want went by.
    /// <para>There is no queue: nothing is read before the next slice is asked for, so a slow follower is behind and costs nothing, and one that takes its time between slices gets fewer and fuller ones. The place
    /// (<see cref="AppliedChanges.Through"/>) holds over restarts, and in a cluster at every entry. A place that the log has not reached yet is waited for. An append pays for its followers with a wake-up each, and nothing while
    /// there are none.</para>
    /// </summary>
    /// <exception cref="Log.LogTruncatedException">The log no longer holds what lies behind <paramref name="after"/>, or not by the time that the follower has come there.</exception>
    /// <exception cref="Log.LogException">The log cannot be read. Begin again behind the last slice.</exception>
    /// <exception cref="ObjectDisposedException">The embedded host has been closed. Where the host is a cluster's, cancel it before the process ends.</exception>
    IAsyncEnumerable<AppliedChanges> FollowAsync(Log.LogSequence after, ChangeFilter? filter, CancellationToken cancellationToken);

    /// <summary>The partition that an entity lives in.</summary>
    PartitionMap Partitions { get; }

    HostStatus Status();

    /// <summary>What one entity takes, by part; null where no event of it has come. Costs a walk over its rows.</summary>
    /// <exception cref="DefinitionsChangedException">The entity type is of a catalog that is no longer live.</exception>
    ValueTask<EntityMemory?> MemoryOfAsync(EntityPlan entity, ReadOnlyMemory<byte> key, CancellationToken cancellationToken);

    /// <summary>
    /// Recomputes entities from raw history and compares all their features with the live ones, at one state version each; reads and appends go on. Costs two passes over the log for a
    /// sample, one per <see cref="Limits.ReconcileRecordsPerPassMax"/> records for all, and memory for as many records. <paramref name="progress"/> is called from one thread at a time.
    /// </summary>
    /// <exception cref="ReconcileUnderWayException">One at a time.</exception>
    /// <exception cref="DefinitionsChangedException">Definitions were changed meanwhile; repeat it.</exception>
    /// <exception cref="Log.LogException">The log cannot be read.</exception>
    Task<ReconcileReport> ReconcileAsync(ReconcileScope scope, Action<ReconcileProgress> progress, CancellationToken cancellationToken);

    /// <summary>
    /// Answers the read from live state, and says of its first row's values which events they come from and which not, by one pass over the log: at most <paramref name="eventsMax"/> events of each
    /// kind are listed for a value, all are counted. Costs that pass, after its turn has come (<see cref="Limits.ExplanationsAtOnceMax"/>), and memory for the events of the windows.
    /// </summary>
    /// <exception cref="DefinitionsChangedException">As for <see cref="ReadAsync"/>.</exception>
    /// <exception cref="Domain.Explanations.ExplanationTooLongException">A window holds more than <see cref="Limits.ExplainEventsMax"/> events.</exception>
    /// <exception cref="History.HistoryCutException">As for <see cref="ReadHistoryAsync"/>.</exception>
    /// <exception cref="Log.LogException">The log cannot be read.</exception>
    Task<IReadOnlyList<ExplainedValue>> ExplainAsync(FeatureRead read, int eventsMax, CancellationToken cancellationToken);

    /// <summary>Takes a checkpoint now, of everything applied until now.</summary>
    /// <exception cref="Log.LogException">It failed; the one before it still counts.</exception>
    ValueTask<CheckpointStatus> CheckpointAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Builds all state anew from the log, from a record on, while the old answers and events come, and lets the new take over in one step. What would need history from before that record answers
    /// OUTSIDE_RETENTION then. Returns the records replayed.
    /// </summary>
    /// <exception cref="Log.LogException">The log or the disk failed; the old state stays.</exception>
    ValueTask<long> ReplayAsync(Log.LogSequence from, IProgress<HistoryProgress>? progress, CancellationToken cancellationToken);

    /// <summary>Where a replay begins that needs every record written at an instant or later: the first record of the log's segment that was being written then.</summary>
    Log.LogSequence FirstWrittenSince(Domain.Events.EventTime time);
}

/// <summary>A place in a partition's record sequence; part of a consistency token.</summary>
public readonly record struct PartitionOffset(Log.PartitionId Partition, Log.LogOffset Offset);

/// <summary>More reads wait for tokens than the limit allows. Retry later, or without a token.</summary>
public sealed class TooManyWaitersException()
    : Exception($"{Limits.TokenWaitersMax} reads are waiting for a consistency token already; retry later, or read without min_token");

/// <summary>
/// An event of the batch is a copy of one that another connection was pushing, and that one did not become durable. What was new in the batch is
/// durable; push it again to be sure of the rest.
/// </summary>
public sealed class OriginalNotDurableException(Exception cause)
    : Exception("an event of this batch is a copy of one that another connection was pushing and that did not become durable; push the batch again", cause);

/// <summary>Definitions have changed between resolving a selection and reading it. Nothing was read; resolve again and repeat.</summary>
public sealed class DefinitionsChangedException()
    : Exception("the definitions were changed while the request was under way; repeat it");

/// <summary>How far a pass over the log is. Goes back to where the pass began when the log is cut meanwhile, and it is made again.</summary>
public readonly record struct HistoryProgress(long RecordsRead, long RecordsTotal);

/// <summary>What operators see of a host.</summary>
public sealed record HostStatus(IReadOnlyList<PartitionState> Partitions, IReadOnlyList<StreamState> Streams, long LogBytes, MemoryState Memory, CheckpointStatus Checkpoints)
{
    /// <summary>The oldest record that the log still holds.</summary>
    public required long FirstSequence { get; init; }

    /// <summary>The newest that is durable; -1 in an empty log.</summary>
    public required long DurableSequence { get; init; }

    /// <summary>Damage of the log that was skipped on request, by this start or earlier ones: a line for each place.</summary>
    public IReadOnlyList<string> Losses { get; init; } = [];
}

/// <summary>What the state of all entities takes, by part, and may take.</summary>
public sealed record MemoryState(long BudgetBytes, long EntityBudgetBytes, PartitionMemory Use);

/// <param name="Partition">Its number.</param>
/// <param name="DurableOffset">The newest record on disk.</param>
/// <param name="AppliedOffset">The newest that reads see.</param>
/// <param name="Entities">Awake or asleep.</param>
/// <param name="Awake">In memory.</param>
/// <param name="Events">That they hold, awake or asleep.</param>
/// <param name="MemoryBytes">In use.</param>
public sealed record PartitionState(int Partition, long DurableOffset, long AppliedOffset, long Entities, long Awake, long Events, long MemoryBytes);

/// <param name="Stream">The stream's name.</param>
/// <param name="StreamTimeMicros">Zero before the first event.</param>
/// <param name="Accepted">Events in history that have not been taken back.</param>
/// <param name="Duplicates">Copies refused as duplicates since start.</param>
/// <param name="Late">Accepted events that were too late for some view, or too old for any live value, since start.</param>
public sealed record StreamState(string Stream, long StreamTimeMicros, long Accepted, long Duplicates, long Late);
