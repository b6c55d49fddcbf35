using System.Collections.Immutable;
using System.Threading.Channels;
using OrleansFeatures.Log.Commit;
using OrleansFeatures.Log.Format;
using OrleansFeatures.Log.Inspection;
using OrleansFeatures.Log.Recovery;

namespace OrleansFeatures.Log;

/// <summary>
/// A durable, partitioned, replayable log of bytes: one physical log for all partitions, so that one fdatasync serves them all.
/// <code>
///  AppendAsync / TryAppend --> queue --> writer thread: stamp, write, fdatasync --> Committed (one consumer) --> Release
///      (any thread)           bounded           one group at a time            \--> the append's task completes
/// </code>
/// <para>An append is complete when it is on disk, and only then seen by <see cref="Committed"/>, <see cref="Read"/> and
/// <see cref="DurableOffset"/>. Every record gets the next sequence of the log and the next offset of its partition, in commit order, the
/// same for everyone. Batches come back from a crash whole or not at all, in order: acknowledged ones always, of the others at most those of the group that was
/// being written.</para>
/// <para>All members may be called from any thread, except that <see cref="Committed"/> has one reader.</para>
/// </summary>
public sealed class EventLog : IRecordSource, IAsyncDisposable
{
    private readonly LogOptions _options;
    private readonly ILogDevice _device;
    private readonly IDisposable _ownership;
    private readonly AppendQueue _queue;
    private readonly LogProgress _progress;
    private readonly Channel<CommittedBatch>? _committed;
    private readonly PositionIndex _positions = new();
    private readonly LogTruncation _truncation;
    private readonly CommitLoop _loop;

    private EventLog(LogOptions options, ILogDevice device, TimeProvider time, IDisposable ownership)
    {
        (_options, _device, _ownership) = (options, device, ownership);
        var recovered = new LogRecovery(options, device, time).Run();
        Losses = recovered.Losses;
        StoreId = recovered.Manifest.StoreId;
        _progress = new LogProgress(recovered.View, recovered.Cursor.NextOffsets);
        _queue = new AppendQueue(options, time);

        // The queue's budget already bounds what can be in here; the channel's own bound says the same once more.
        _committed = options.DeliverCommitted
            ? Channel.CreateBounded<CommittedBatch>(new BoundedChannelOptions(Limits.QueueBatchesMax + 1) { SingleReader = true, SingleWriter = true })
            : null;
        var manifest = new ManifestFile(device, options.Directory, recovered.Manifest);
        _truncation = new LogTruncation(options, device, manifest, _progress, _positions);
        var writer = new LogWriter(options, device, time, manifest, recovered.Cursor, recovered.File) { Positions = _positions };
        _loop = new CommitLoop(_queue, writer, _progress, _committed);
    }

    /// <summary>Drawn when the log was created; never changes.</summary>
    public Guid StoreId { get; }

    public int PartitionCount => _options.PartitionCount;

    /// <summary>The last record on disk; <see cref="LogSequence.None"/> in an empty log. After a skipped loss of the log's end, the last that may have been there.</summary>
    public LogSequence DurableSequence => _progress.View.Durable;

    /// <summary>The oldest record that can be read; one past <see cref="DurableSequence"/> when there is none.</summary>
    public LogSequence FirstSequence => _progress.View.First;

    /// <summary>What this opening skipped, on request; null when nothing was damaged.</summary>
    public LossReport? Losses { get; }

    /// <summary>
    /// All damage that was skipped, by this opening or earlier ones, in the order of the log. <see cref="Read"/> passes over it: sequences and offsets jump there. <see cref="LogLookup.Find"/> throws
    /// <see cref="LogGapException"/> for what lay in it.
    /// </summary>
    public ImmutableArray<LogDamage> KnownGaps => _progress.View.Gaps;

    /// <summary>Bytes of all segments, without space reserved ahead.</summary>
    public long BytesOnDisk => _progress.View.Bytes;

    /// <summary>Bytes of the queue's budget in use: not yet durable, or not yet released.</summary>
    public long BytesHeld => _queue.HeldBytes;

    /// <summary>Why the log accepts no more, or null while it does.</summary>
    public LogPoisonedException? Poisoned => _progress.Poisoned;

    /// <summary>
    /// The batches in commit order, for one consumer that owes each a <see cref="CommittedBatch.Release"/>. Contains what is appended from
    /// <see cref="Open"/> on; what was on disk before is read with <see cref="Read"/> up to the <see cref="DurableSequence"/> seen right after opening. After disposal it ends when drained; after a
    /// failed write it ends with <see cref="LogPoisonedException"/> when drained. A consumer that awaits an append while it holds unreleased
    /// batches may wait for itself: release first, or use <see cref="TryAppend"/>.
    /// </summary>
    public ChannelReader<CommittedBatch> Committed =>
        _committed?.Reader ?? throw new InvalidOperationException("The log was opened with LogOptions.DeliverCommitted = false.");

    /// <summary>
    /// Opens or creates the log in a directory and recovers it. Throws <see cref="LogInUseException"/>, <see cref="LogCorruptException"/>,
    /// <see cref="LogIncompatibleException"/>, <see cref="LogFullException"/>; then nothing was changed.
    /// </summary>
    public static EventLog Open(LogOptions options, ILogDevice device, TimeProvider time)
    {
        options.Validate();
        var ownership = device.Own(options.Directory);
        EventLog? log = null;
        try
        {
            return log = new EventLog(options, device, time, ownership);
        }
        finally
        {
            if (log is null)
            {
                ownership.Dispose();
            }
        }
    }

    /// <summary>
    /// Appends the batch; completes when it is on disk. Waits its turn while the log holds <see cref="LogOptions.QueueBytesMax"/>.
    /// Cancellation is honoured while it waits (then nothing was appended and the batch is the caller's as before) and ignored once it is accepted.
    /// Fails with <see cref="LogFullException"/> or <see cref="LogOverloadedException"/> (nothing written, may be repeated),
    /// <see cref="LogPoisonedException"/> (outcome unknown), <see cref="ObjectDisposedException"/>.
    /// </summary>
    public Task<AppendReceipt> AppendAsync(AppendBatch batch, CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return Task.FromCanceled<AppendReceipt>(cancellationToken);
        }

        batch.Seal(_options.PartitionCount);
        var append = new PendingAppend(batch);
        try
        {
            _queue.AddOrWait(append, cancellationToken);
        }
        catch (Exception e) when (e is LogException or ObjectDisposedException)
        {
            batch.Unseal();
            return Task.FromException<AppendReceipt>(e);
        }

        return append.Durable;
    }

    /// <summary>The same without waiting for room: false, and nothing was appended, when the log is full up. For callers that would rather say "try again later". A closed or poisoned log takes it and fails the task.</summary>
    public bool TryAppend(AppendBatch batch, out Task<AppendReceipt> durable)
    {
        batch.Seal(_options.PartitionCount);
        var append = new PendingAppend(batch);
        durable = append.Durable;
        var admitted = false;
        try
        {
            admitted = _queue.TryAdd(append);
        }
        catch (Exception e) when (e is LogException or ObjectDisposedException)
        {
            durable = Task.FromException<AppendReceipt>(e);
            batch.Unseal();
            return true;
        }

        if (!admitted)
        {
            batch.Unseal();
        }

        return admitted;
    }

    /// <summary>The last durable record of a partition.</summary>
    public LogOffset DurableOffset(PartitionId partition) => _progress.DurableOffset(partition);

    /// <summary>
    /// Shows the visitor every durable record from one sequence to another, both included, in order; ends early where the durable log ends
    /// or when the visitor says so. Returns the last sequence shown (<paramref name="from"/> - 1 if none). Every frame is checked again; damage throws
    /// <see cref="LogCorruptException"/> after everything before it was shown; a segment that a <see cref="Truncate"/> has dropped, before or meanwhile, <see cref="LogTruncatedException"/>. Blocking reads of 1 MB on the caller's thread; appends go on meanwhile.
    /// </summary>
    public LogSequence Read<TVisitor>(LogSequence from, LogSequence to, ref TVisitor visitor, CancellationToken cancellationToken = default)
        where TVisitor : ILogVisitor, allows ref struct
    {
        ArgumentOutOfRangeException.ThrowIfNegative(from.Value, nameof(from));
        return LogReplay.Run(_device, _options.PartitionCount, _positions, _progress, from, to, ref visitor, cancellationToken);
    }

    /// <summary>
    /// For reading single durable records at random. Fast for what was written or read in order since <see cref="Open"/>: <see cref="Read"/> notes positions as it goes. Elsewhere the first
    /// look-up walks its segment from the last position known.
    /// </summary>
    public IRecordLookup Lookup() => new LogLookup(_device, _options.PartitionCount, _positions, _progress);

    /// <summary>For following the log's end: it keeps the segment open that it is in, and reads only what is new. The first look into a segment walks over the group headers before its place, some 50 ms for the 256 MB of the default.</summary>
    public IRecordCursor Cursor(LogSequence from)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(from.Value, nameof(from));
        return new LogCursor(_device, _options.PartitionCount, _progress, from);
    }

    /// <summary>
    /// The segments from the oldest to the one being written. The first call after an opening with <see cref="LogVerification.LastSegment"/> reads the end of each to learn its time.
    /// </summary>
    public ImmutableArray<LogSegment> Segments => _truncation.Segments();

    /// <summary>
    /// What <see cref="Truncate"/> would drop now: from the oldest on, sealed segments all of whose records lie before <paramref name="before"/> and whose last group was written before
    /// <paramref name="olderThanMicros"/> (microseconds since 1970 UTC), never the last segment. For a caller that must read them first; it then truncates before the <see cref="LogSegment.Next"/> of the last one, so
    /// that no other goes.
    /// </summary>
    public ImmutableArray<LogSegment> Droppable(LogSequence before, long olderThanMicros) => _truncation.Droppable(before, olderThanMicros);

    /// <summary>
    /// Drops the segments that <see cref="Droppable"/> names and returns them; their space is free then, and <see cref="FirstSequence"/> has moved. Sequences and offsets stay as they are. Blocks for two syncs and the
    /// deletions, appends go on meanwhile. Readers of a dropped segment fail with <see cref="LogTruncatedException"/>, or finish it if they have it open. Throws <see cref="LogTruncationException"/>; the log is sound
    /// then too, before or after the drop. A crash leaves the state before or after; leftovers are deleted when the log is opened.
    /// </summary>
    public ImmutableArray<LogSegment> Truncate(LogSequence before, long olderThanMicros) => _truncation.Run(before, olderThanMicros);

    /// <summary>
    /// Reads every byte of the log again and reports all damage; appends and readers go on. Nothing is changed. <see cref="LogInspection"/> does the same for a log that this process does not own.
    /// </summary>
    public LogReport Verify(IProgress<InspectionProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        var view = _progress.View;
        var last = view.Active ?? view.Sealed[^1];
        return LogInspection.Run(_options.Directory, _device, LogVerification.All, new DurableMark(last.Number, last.Bytes, last.NextSequence), progress, cancellationToken);
    }

    /// <summary>Refuses new appends, writes what was accepted, closes. Appends that still wait for room fail with <see cref="ObjectDisposedException"/>.</summary>
    public async ValueTask DisposeAsync()
    {
        _queue.Close(() => new ObjectDisposedException(nameof(EventLog), "The log is closed."));
        await _loop.Ended;
        _truncation.Close();
        _ownership.Dispose();
    }
}
