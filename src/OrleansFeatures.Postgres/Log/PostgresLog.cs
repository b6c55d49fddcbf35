using System.Data.Common;
using Microsoft.Extensions.Logging;
using Npgsql;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Saving;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Log;

namespace OrleansFeatures.Postgres.Log;

/// <summary>
/// The cluster's log: every silo appends to it and follows it, PostgreSQL keeps it. One order for all: sequences and offsets are dense, and the order of commits.
/// <code>
///   AppendAsync ──> queue ──> AppendLoop ── one AppendTransaction at a time in the cluster ──> PostgreSQL ──NOTIFY──> LogFollower (each silo) ──> Tails
///   (any thread)   bounded    one per silo                                                        └── Read, Lookup, ReadPartitionAsync: what came before
/// </code>
/// <para>An append is complete when PostgreSQL has committed it. One that fails is acknowledged to nobody; it may be in the log all the same when the connection was lost during the commit, so a retry uses the same ids and finds what is there to be
/// duplicates. While PostgreSQL is away appends fail at once with <see cref="LogUnavailableException"/>, tails wait, and everything goes on by itself when it is back. Any thread may call.</para>
/// </summary>
public sealed class PostgresLog : IRecordSource, IAsyncDisposable
{
    private readonly PostgresStore _store;
    private readonly LogPositions _positions;
    private readonly LogFollower _follower;
    private readonly AppendQueue _queue;
    private readonly AppendLoop _appends;
    private readonly ILogger _logger;
    private bool _disposed;

    private PostgresLog(PostgresStore store, EventIntake intake, Presence presence, LogPositions positions, TimeProvider time, ILogger logger)
    {
        (_store, _positions, _logger) = (store, positions, logger);
        _follower = new LogFollower(store, positions, time, logger);
        _queue = new AppendQueue(store.Options.AppendQueueBytesMax);
        _appends = new AppendLoop(store, _queue, intake, presence, positions, _follower.Appended, time, logger);
        Finished = new FinishedAppend(this);
    }

    public int PartitionCount => _store.PartitionCount;

    /// <summary>The oldest record, as far as this silo knows: it may be a second late to learn that history was dropped.</summary>
    public LogSequence FirstSequence => _positions.First;

    /// <summary>The newest record that this silo knows of: its own appends at once, those of others when it is told.</summary>
    public LogSequence DurableSequence => _positions.Durable;

    /// <summary>The ends of the partitions, to be followed.</summary>
    public IPartitionTails Tails => _follower;

    /// <summary>Bytes of batches that wait or are under way here.</summary>
    public long BytesHeld => _queue.HeldBytes;

    /// <summary>Why appends are refused just now: PostgreSQL is away. Null while it takes them, as far as anybody has tried.</summary>
    public LogUnavailableException? Unavailable => _queue.Closed;

    /// <summary>For records that are finished but for their places: copies of history for an entity type that is new. They are appended behind the events of their group, whatever definitions are in force.</summary>
    public IAppendTarget Finished { get; }

    /// <summary>Called, on the append's thread, with the generation of definitions that the cluster has, when it is another than this silo's. Appends fail with <see cref="DefinitionsChangedException"/> until <see cref="UseDefinitions"/>.</summary>
    public Action<long>? DefinitionsMoved
    {
        get => _appends.DefinitionsMoved;
        set => _appends.DefinitionsMoved = value;
    }

    /// <summary>
    /// Learns how far the log is and what the clocks were, and begins to follow it. The intake becomes the log's: its index of ids holds only what an append under way knows, and its <see cref="EventIntake.ArrivalClock"/> is brought up to date by every
    /// append.
    /// </summary>
    /// <exception cref="LogUnavailableException">PostgreSQL cannot be asked.</exception>
    public static async Task<PostgresLog> StartAsync(PostgresStore store, EventIntake intake, Presence presence, TimeProvider time, ILogger logger, CancellationToken cancellationToken)
    {
        var positions = new LogPositions(store.PartitionCount);
        await AskingAsync(store, async connection =>
        {
            await using var batch = new NpgsqlBatch(connection);
            batch.BatchCommands.Add(AppendStatements.Command($"SELECT {LogHead.Columns} FROM log_head"));
            batch.BatchCommands.Add(AppendStatements.Command(AppendStatements.Producers, AppendStatements.Of(LogSequence.None.Value)));
            await using NpgsqlDataReader reader = await batch.ExecuteReaderAsync(cancellationToken);
            await reader.ReadAsync(cancellationToken);
            positions.Advance(LogHead.Read(reader));
            await reader.NextResultAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
            {
                AppendTransaction.Recall(intake, reader);
            }

            intake.ArrivalClock.RecallEnds();
            return true;
        }, cancellationToken);
        return new PostgresLog(store, intake, presence, positions, time, logger);
    }

    /// <summary>The definitions of this silo and the generation that they are of. Appends of batches that were read against others fail with <see cref="DefinitionsChangedException"/>; so do all while the cluster has another generation.</summary>
    public void UseDefinitions(Catalog catalog, long generation) => _appends.Definitions = new DefinitionsInForce(catalog, generation);

    /// <summary>
    /// Makes a deferred batch durable; then its <see cref="IntakeBatch.Corrections"/> and <see cref="IntakeBatch.Positions"/> are known, and <see cref="DurableOffset"/> covers everything that the append saw, the originals of duplicates included. With
    /// <paramref name="wait"/> a full queue delays it; without, it returns false and nothing was appended. Cancellation is honoured until the batch is queued.
    /// </summary>
    /// <exception cref="LogException">PostgreSQL did not take it; the message says what happened. Nothing is acknowledged, a retry with the same ids is safe.</exception>
    /// <exception cref="DefinitionsChangedException">The batch was read against definitions that are not in force any more. Nothing was appended.</exception>
    public async ValueTask<bool> AppendAsync(IntakeBatch deferred, bool wait, CancellationToken cancellationToken) => await AppendAsync(new PendingAppend(deferred), wait, cancellationToken) is not null;

    public LogOffset DurableOffset(PartitionId partition) => _positions.DurableOf(partition);

    /// <summary>Waits until this silo knows of a record behind a sequence; returns the newest.</summary>
    public async ValueTask<LogSequence> WaitDurableBeyondAsync(LogSequence sequence, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task moved = _positions.Moved();
            if (DurableSequence is var durable && durable.CompareTo(sequence) > 0)
            {
                return durable;
            }

            await moved.WaitAsync(cancellationToken);
        }
    }

    /// <summary>The last record of a partition as PostgreSQL has it now.</summary>
    /// <exception cref="LogUnavailableException">PostgreSQL cannot be asked.</exception>
    public Task<LogOffset> DurableOffsetNowAsync(PartitionId partition, CancellationToken cancellationToken) => AskingAsync(_store, async connection =>
    {
        await using var command = new NpgsqlCommand($"SELECT {LogHead.Columns} FROM log_head", connection);
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        _positions.Advance(LogHead.Read(reader));
        return _positions.DurableOf(partition);
    }, cancellationToken);

    public LogSequence Read<TVisitor>(LogSequence from, LogSequence to, ref TVisitor visitor, CancellationToken cancellationToken = default)
        where TVisitor : ILogVisitor, allows ref struct
    {
        ArgumentOutOfRangeException.ThrowIfNegative(from.Value, nameof(from));
        long end = Math.Min(to.Value, DurableSequence.Value);
        long next = from.Value;
        if (next < FirstSequence.Value)
        {
            throw new LogTruncatedException(from, FirstSequence);
        }

        while (next <= end)
        {
            cancellationToken.ThrowIfCancellationRequested();
            List<AppendFrames> appends = HistoryQuery.Run(_store.DataSource, next, end);
            if (appends.Count == 0 || appends[0].First > next)
            {
                throw Missing(new LogSequence(next), new LogSequence(appends.Count == 0 ? end + 1 : appends[0].First));
            }

            foreach (AppendFrames append in appends)
            {
                for (long last = Math.Min(end, append.Last); next <= last; next++)
                {
                    if (!visitor.Visit(append.At(next)))
                    {
                        return new LogSequence(next);
                    }
                }
            }
        }

        return new LogSequence(next - 1);
    }

    public IRecordLookup Lookup() => new StoredLookup(_store, _positions);

    public IRecordCursor Cursor(LogSequence from) => new StoredCursor(this, from);

    /// <summary>
    /// A partition's records behind one offset through another, in order and without gaps, some megabytes in memory at a time. The first batch begins with the first record wanted, the last ends with the last.
    /// </summary>
    /// <exception cref="PartitionTruncatedException">Some of it is no longer there.</exception>
    /// <exception cref="LogException">PostgreSQL cannot be asked, or <paramref name="through"/> is not there yet.</exception>
    public async Task ReadPartitionAsync(PartitionId partition, LogOffset after, LogOffset through, Func<PartitionBatch, ValueTask> each, CancellationToken cancellationToken)
    {
        LogOffset next = new(after.Value + 1);
        while (next.CompareTo(through) <= 0)
        {
            List<PartitionBatch> rows = await AskingAsync(_store, connection => TailQuery.RunAsync(connection, [(partition, next)], cancellationToken), cancellationToken);
            if (rows.Count == 0 || rows[0].First.CompareTo(next) > 0)
            {
                throw new PartitionTruncatedException(partition, next, rows.Count == 0 ? new LogOffset(through.Value + 1) : rows[0].First);
            }

            foreach (PartitionBatch row in rows)
            {
                if (next.CompareTo(through) <= 0)
                {
                    PartitionBatch wanted = row.First == next ? row : row.From(next);
                    await each(wanted.Last.CompareTo(through) > 0 ? wanted.Through(through) : wanted);
                    next = new LogOffset(row.Last.Value + 1);
                }
            }
        }
    }

    /// <summary>The marks of appends that begin behind a sequence, in order, at most <see cref="Limits.MarksFetchMax"/>; go on behind the <see cref="AppendMark.Last"/> of the last. Waits until there is one.</summary>
    /// <exception cref="LogUnavailableException">PostgreSQL cannot be asked.</exception>
    public async ValueTask<IReadOnlyList<AppendMark>> ReadMarksAsync(LogSequence after, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task moved = _positions.Moved();
            if (DurableSequence.CompareTo(after) > 0
                && await AskingAsync(_store, connection => MarksQuery.RunAsync(connection, after, cancellationToken), cancellationToken) is { Count: > 0 } marks)
            {
                return marks;
            }

            await moved.WaitAsync(cancellationToken);
        }
    }

    /// <summary>
    /// What all appends until now tell together, as one: where to begin before <see cref="ReadMarksAsync"/> goes on behind it. It costs a row for each producer, and not one for each append; and it knows of appends whose records were dropped.
    /// Null in an empty log.
    /// </summary>
    /// <exception cref="LogUnavailableException">PostgreSQL cannot be asked.</exception>
    public Task<AppendMark?> ReadMarksSoFarAsync(CancellationToken cancellationToken) => AskingAsync(_store, connection => MarksQuery.RunSoFarAsync(connection, cancellationToken), cancellationToken);

    /// <summary>The first record of the first append that was committed at an instant or later; one past the newest when there is none.</summary>
    /// <exception cref="LogUnavailableException">PostgreSQL cannot be asked.</exception>
    public LogSequence FirstWrittenSince(EventTime time)
    {
        try
        {
            using NpgsqlCommand command = _store.DataSource.CreateCommand(
                "SELECT coalesce((SELECT first_sequence FROM log_appends WHERE committed_at_micros >= $1 ORDER BY committed_at_micros, first_sequence LIMIT 1), (SELECT next_sequence FROM log_head))");
            command.Parameters.Add(AppendStatements.Of(time.Micros));
            return new LogSequence((long)command.ExecuteScalar()!);
        }
        catch (DbException failure)
        {
            throw Unreadable(failure);
        }
    }

    /// <summary>
    /// Drops records before a sequence, committed before an instant, that every partition's checkpoint has behind it; of each stream the newest event time dropped is kept (<see cref="CountsAsync"/>). In small transactions. Returns how many went.
    /// </summary>
    /// <exception cref="LogUnavailableException">PostgreSQL cannot be asked; what went is gone, the rest stands.</exception>
    public async Task<long> DropRecordsBeforeAsync(LogSequence before, EventTime olderThan, CancellationToken cancellationToken)
    {
        try
        {
            long dropped = await new LogRetention(_store).DropRecordsAsync(before, olderThan, cancellationToken);
            if (dropped > 0)
            {
                await DurableOffsetNowAsync(new PartitionId(0), cancellationToken);
                _logger.HistoryDropped(FirstSequence.Value);
            }

            return dropped;
        }
        catch (DbException failure)
        {
            throw Unreadable(failure);
        }
    }

    /// <summary>Forgets the ids of a stream's events through a time: beyond the dedupe horizon, and beyond what the stream retains. Events as old as the newest that went, which nobody has, are refused from then on. Returns how many went.</summary>
    /// <exception cref="LogUnavailableException">PostgreSQL cannot be asked; what went is gone, the rest stands.</exception>
    public async Task<long> ForgetIdsThroughAsync(uint stream, EventTime through, CancellationToken cancellationToken)
    {
        try
        {
            return await new LogRetention(_store).ForgetIdsAsync(stream, through, cancellationToken);
        }
        catch (DbException failure)
        {
            throw Unreadable(failure);
        }
    }

    /// <summary>What is counted of each stream, by its number.</summary>
    /// <exception cref="LogUnavailableException">PostgreSQL cannot be asked.</exception>
    public Task<IReadOnlyDictionary<uint, StreamCounts>> CountsAsync(CancellationToken cancellationToken) => AskingAsync(_store, connection => StreamCounts.ReadAsync(connection, cancellationToken), cancellationToken);

    /// <summary>Takes no more appends, finishes those that wait, and follows no longer.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, true))
        {
            return;
        }

        await _appends.DisposeAsync();
        await _follower.DisposeAsync();
    }

    private async ValueTask<AppendReceipt?> AppendAsync(PendingAppend append, bool wait, CancellationToken cancellationToken)
    {
        if (wait)
        {
            await _queue.AddAsync(append, cancellationToken);
        }
        else if (!_queue.TryAdd(append))
        {
            return null;
        }

        return await append.Done;
    }

    private static async Task<T> AskingAsync<T>(PostgresStore store, Func<NpgsqlConnection, Task<T>> ask, CancellationToken cancellationToken)
    {
        try
        {
            await using NpgsqlConnection connection = await store.DataSource.OpenConnectionAsync(cancellationToken);
            return await ask(connection);
        }
        catch (DbException failure)
        {
            throw Unreadable(failure);
        }
    }

    /// <summary>Why records are not there: dropped, as the head of the log says, from which whoever reads again learns at once where to begin; or lost, which must not pass for it.</summary>
    private LogException Missing(LogSequence wanted, LogSequence found)
    {
        try
        {
            using NpgsqlCommand command = _store.DataSource.CreateCommand($"SELECT {LogHead.Columns} FROM log_head");
            using NpgsqlDataReader reader = command.ExecuteReader();
            reader.Read();
            _positions.Advance(LogHead.Read(reader));
        }
        catch (DbException failure)
        {
            return Unreadable(failure);
        }

        return wanted.CompareTo(FirstSequence) < 0
            ? new LogTruncatedException(wanted, FirstSequence)
            : new LogCorruptException("log_appends", 0, wanted, new LogSequence(found.Value - 1), $"it should hold sequence {wanted}, and goes on with {found}");
    }

    private static LogUnavailableException Unreadable(Exception failure) => new($"the log in PostgreSQL cannot be read just now ({failure.Message}); try again", failure);

    private sealed class FinishedAppend(PostgresLog log) : IAppendTarget
    {
        public ValueTask<AppendReceipt?> AppendAsync(AppendBatch records, bool wait, CancellationToken cancellationToken) => log.AppendAsync(new PendingAppend(records), wait, cancellationToken);

        public IRecordLookup Lookup() => log.Lookup();
    }
}
