using System.Data.Common;
using Npgsql;
using OrleansFeatures.Domain;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Log;

namespace OrleansFeatures.Postgres.Log;

/// <summary>
/// One append: everything that waits in this silo, in one transaction. Between its two round trips runs the very intake of the embedded host, over the ids, clocks and versions that were just fetched.
/// <code>
///   silo                                        PostgreSQL
///    │── BEGIN · head FOR UPDATE · ids · versions · producers ──>  waits until no other append is under way
///    │&lt;────────────────────────────────────────────────────────    from here on this silo alone appends
///    │   entities: can these versions be taken back?   (only where there are corrections)
///    │   duplicates, lateness, corrections, records, places
///    │── records · append · ids · producers · counts · head · NOTIFY · COMMIT ──>   durable, the head is free
/// </code>
/// <para>The head's lock makes the order of commits the order of the log: sequences and offsets are dense, and a version that was looked up is still the newest when its correction commits. The intake's index of ids holds
/// only what this transaction has fetched or made; whatever happens, it is empty afterwards. One thread, one use.</para>
/// </summary>
internal sealed class AppendTransaction(NpgsqlConnection connection, PostgresStore store, EventIntake intake, Presence presence, TimeProvider time, List<PendingAppend> group)
{
    private readonly Dictionary<(uint Stream, EventIdIndex.IdKey Id), bool> _wanted = [];
    private readonly Dictionary<(uint Stream, EventIdIndex.IdKey Id), EventIdIndex.IdVersion> _known = [];
    private LogHead? _head;
    private TransactionRecords? _records;

    /// <summary>The head as it was locked. After <see cref="BeginAsync"/>.</summary>
    public LogHead Head => _head!;

    /// <summary>Whether the commit may have reached PostgreSQL: then nobody knows what became of it until somebody looks.</summary>
    public bool IsCommitting { get; private set; }

    /// <summary>The first round trip. What it brings goes into the silo's intake. Producers that others have moved since <paramref name="producersKnown"/> are caught up with.</summary>
    public async Task BeginAsync(long producersKnown, CancellationToken cancellationToken)
    {
        Gather();
        (uint Stream, EventIdIndex.IdKey Id)[] inserted = [.. _wanted.Where(id => !id.Value).Select(id => id.Key)];
        (uint Stream, EventIdIndex.IdKey Id)[] corrected = [.. _wanted.Where(id => id.Value).Select(id => id.Key)];
        await using var batch = new NpgsqlBatch(connection);
        batch.BatchCommands.Add(AppendStatements.Command(AppendStatements.Begin));
        batch.BatchCommands.Add(AppendStatements.Command(AppendStatements.LockHead));
        batch.BatchCommands.Add(AppendStatements.Command(AppendStatements.Producers, AppendStatements.Of(producersKnown)));
        batch.BatchCommands.Add(AppendStatements.Command(AppendStatements.Forgotten));
        batch.BatchCommands.Add(AppendStatements.Ids(AppendStatements.Versions, inserted));
        batch.BatchCommands.Add(AppendStatements.Ids(AppendStatements.VersionsWithFrames, corrected));
        await using NpgsqlDataReader reader = await batch.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        _head = LogHead.Read(reader);
        _records = new TransactionRecords(_head);
        if (_head.LatestArrival != long.MinValue)
        {
            intake.ArrivalClock.Recall(new EventTime(_head.LatestArrival));
        }

        await EachAsync(reader, row => Recall(intake, row), cancellationToken);
        await EachAsync(reader, row => intake.Ids.BeginForgetting((uint)row.GetInt32(0), row.GetInt64(1)), cancellationToken);
        await EachAsync(reader, row => Know(inserted[row.GetInt64(0) - 1], row.GetInt64(1)), cancellationToken);
        await EachAsync(reader, row => Know(corrected[row.GetInt64(0) - 1], row.GetInt64(1), row.IsDBNull(2) ? null : row.GetFieldValue<byte[]>(2)), cancellationToken);
    }

    /// <summary>Resolves, writes and commits; then the group's batches know what became of their events. Returns the rows that are durable now; none where every event was a duplicate or refused.</summary>
    public async Task<List<PartitionBatch>> CompleteAsync(CancellationToken cancellationToken)
    {
        PresenceAnswers answers = await AskAsync(cancellationToken);
        using IntakeBatch? inner = group.Find(append => append.Deferred is not null) is { } any ? intake.Begin(any.Catalog!, NoLease.Instance) : null;
        await ResolveAsync(inner, answers);
        List<PartitionBatch> appended = await WriteAsync(cancellationToken);
        group.ForEach(append => append.Deferred?.TakeOutcomes());
        return appended;
    }

    /// <summary>Takes what was fetched out of the intake again.</summary>
    public void Forget()
    {
        foreach ((uint stream, EventIdIndex.IdKey id) in _wanted.Keys)
        {
            intake.Ids.Release(stream, id);
        }
    }

    /// <summary>The ids that events of the group have, and whether a correction is among them.</summary>
    private void Gather()
    {
        foreach (DeferredEvent kept in group.Where(append => append.Deferred is not null).SelectMany(append => append.Deferred!.Deferred))
        {
            (uint, EventIdIndex.IdKey) id = (kept.Stream.Id, kept.Id);
            _wanted[id] = kept.Operation != EventOperation.Insert || _wanted.GetValueOrDefault(id);
        }
    }

    /// <summary>A row of <see cref="AppendStatements.Producers"/>.</summary>
    public static void Recall(EventIntake intake, DbDataReader row) =>
        intake.ArrivalClock.Recall((uint)row.GetInt32(0), row.GetFieldValue<byte[]>(1), row.GetInt64(2), new EventTime(row.GetInt64(3)), row.GetInt64(4));

    private void Know((uint Stream, EventIdIndex.IdKey Id) id, long version) => intake.Ids.Recall(id.Stream, id.Id, _known[id] = EventIdIndex.IdVersion.OfBits(version));

    private void Know((uint Stream, EventIdIndex.IdKey Id) id, long version, byte[]? frame)
    {
        Know(id, version);
        _records!.Fetched(_known[id].Sequence, frame);
    }

    private async Task<PresenceAnswers> AskAsync(CancellationToken cancellationToken)
    {
        var answers = new PresenceAnswers();
        foreach (DeferredEvent kept in group.Where(append => append.Deferred is not null).SelectMany(append => append.Deferred!.Deferred))
        {
            if (_wanted[(kept.Stream.Id, kept.Id)])
            {
                answers.Ask(kept);
                if (_known.TryGetValue((kept.Stream.Id, kept.Id), out EventIdIndex.IdVersion known) && !known.IsDeleted && _records!.IsThere(known.Sequence))
                {
                    answers.Ask(kept.Stream, _records.Find(new LogSequence(known.Sequence)));
                }
            }
        }

        using var patience = new CancellationTokenSource(store.Options.PresenceMax, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        try
        {
            await answers.AnswerAsync(presence, either.Token).WaitAsync(either.Token);
        }
        catch (OperationCanceledException late) when (patience.IsCancellationRequested)
        {
            throw new LogUnavailableException(
                $"entities did not say within {store.Options.PresenceMax.TotalSeconds:0.#} s whether they can take back the events that are to be corrected; nothing was appended, and it is safe to send the batch again", late);
        }

        return answers;
    }

    private async Task ResolveAsync(IntakeBatch? inner, PresenceAnswers answers)
    {
        if (inner is not null)
        {
            group.ForEach(append => append.Deferred?.AddDeferredTo(inner));

            await AppendAsync(inner, answers);
        }

        foreach (PendingAppend append in group)
        {
            append.Receipt = append.Finished is { } finished ? _records!.Number(finished) : default;
        }
    }

    /// <summary>
    /// Nothing in it waits: records are numbered in memory, and no other batch shares the index of ids. One that did would wait for ever, for PostgreSQL would end the idle transaction and nobody would hear of that.
    /// </summary>
    private async Task AppendAsync(IntakeBatch inner, PresenceAnswers answers)
    {
        using var ending = new CancellationTokenSource();
        ValueTask<bool> appended = new BatchAppend(_records!, intake, answers.CanTakeBack, inner).RunAsync(wait: true, ending.Token);
        if (!appended.IsCompleted)
        {
            await ending.CancelAsync();
            await ((Task)appended.AsTask()).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw new InvariantException("an append waits inside its transaction for a batch that is not of it");
        }

        await appended;
    }

    private async Task<List<PartitionBatch>> WriteAsync(CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(connection);
        if (_records!.IsEmpty)
        {
            batch.BatchCommands.Add(AppendStatements.Command(AppendStatements.Rollback));
            await batch.ExecuteNonQueryAsync(cancellationToken);
            return [];
        }

        EventTime arrival = intake.ArrivalNow();
        AppendedRows rows = AppendedRows.Of(Head, _records, stream => intake.ArrivalClock.StreamTimeMicros(stream) ?? arrival.Micros);
        AppendStatements.Write(batch.BatchCommands, store.LogChannel, Head, _records, rows, arrival.Micros, _known.ContainsKey, Standing(rows));
        IsCommitting = true;
        await batch.ExecuteNonQueryAsync(cancellationToken);
        return rows.Partitions;
    }

    /// <summary>By stream, how many more events stand than before.</summary>
    private Dictionary<uint, long> Standing(AppendedRows rows)
    {
        var more = new Dictionary<uint, long>();
        foreach (((uint Stream, EventIdIndex.IdKey Id) id, AppendedRows.IdRow row) in rows.Ids)
        {
            int before = _known.TryGetValue(id, out EventIdIndex.IdVersion known) && !known.IsDeleted ? 1 : 0;
            more[id.Stream] = more.GetValueOrDefault(id.Stream) + (row.Version.IsDeleted ? 0 : 1) - before;
        }

        return more;
    }

    /// <summary>The rest of the reader's rows go to the next result.</summary>
    private static async Task EachAsync(NpgsqlDataReader reader, Action<DbDataReader> take, CancellationToken cancellationToken)
    {
        await reader.NextResultAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            take(reader);
        }
    }

    /// <summary>The deferred batches hold theirs.</summary>
    private sealed class NoLease : IDisposable
    {
        public static readonly NoLease Instance = new();

        public void Dispose()
        {
        }
    }
}
