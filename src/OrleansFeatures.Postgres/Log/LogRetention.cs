using Npgsql;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Log;

namespace OrleansFeatures.Postgres.Log;

/// <summary>
/// Lets go of what nobody needs any more, a little at a time, so that appends hardly notice. Any silo may run it, one at a time; two are merely wasteful. Locks are taken in the order in which appends take them: ids, head, counts.
/// </summary>
internal sealed class LogRetention(PostgresStore store)
{
    private const string OldestAppends =
        """
        SELECT first_sequence, last_sequence, partitions, last_offsets
        FROM (
            SELECT *, sum(frame_bytes) OVER (ORDER BY first_sequence) - frame_bytes AS ahead
            FROM (SELECT * FROM log_appends WHERE last_sequence < $1 AND committed_at_micros < $2 ORDER BY first_sequence LIMIT $3) AS rows
        ) AS summed
        WHERE ahead < $4
        ORDER BY first_sequence
        """;

    private const string KeepFloors =
        "INSERT INTO stream_counts AS c (stream, floor_micros) SELECT * FROM unnest($1, $2) ON CONFLICT (stream) DO UPDATE SET floor_micros = greatest(c.floor_micros, excluded.floor_micros)";

    private const string KeepForgotten =
        "INSERT INTO stream_counts AS c (stream, forgotten_through) VALUES ($1, $2) ON CONFLICT (stream) DO UPDATE SET forgotten_through = greatest(c.forgotten_through, excluded.forgotten_through)";

    private const string NewestToForget = "SELECT max(time_micros) FROM event_ids WHERE stream = $1 AND time_micros <= $2";

    private const string LongestSilent = "SELECT producer FROM producers WHERE stream = $1 ORDER BY arrival DESC OFFSET $2";

    private const string ForgetSome =
        """
        WITH gone AS (
            DELETE FROM event_ids WHERE ctid = ANY (ARRAY(SELECT ctid FROM event_ids WHERE stream = $1 AND time_micros <= $2 LIMIT $3)) RETURNING version
        )
        SELECT count(*), count(*) FILTER (WHERE version & 1 = 0) FROM gone
        """;

    /// <summary>
    /// Drops records before a sequence that were committed before an instant and that every partition's checkpoint has behind it. What it drops is read once more: of each stream the newest event time is kept (<c>floor_micros</c>), by which
    /// reads know what they cannot answer. Returns how many records went.
    /// </summary>
    public async Task<long> DropRecordsAsync(LogSequence before, EventTime olderThan, CancellationToken cancellationToken)
    {
        long dropped = 0;
        while (await DropSomeAsync(before, olderThan, cancellationToken) is > 0 and var some)
        {
            dropped += some;
        }

        return dropped;
    }

    /// <summary>
    /// Forgets ids of a stream's events up to a time. From the first on, an event as old as the newest that was forgotten, whose id nobody has, is refused: it could be a duplicate. While there is nothing to forget nothing is refused, so that
    /// history can be filled in. Returns how many ids went.
    /// </summary>
    public async Task<long> ForgetIdsAsync(uint stream, EventTime through, CancellationToken cancellationToken)
    {
        await using NpgsqlConnection connection = await store.DataSource.OpenConnectionAsync(cancellationToken);
        await ForgetProducersAsync(connection, stream, cancellationToken);
        if (await ScalarAsync(connection, NewestToForget, cancellationToken, Stream(stream), AppendStatements.Of(through.Micros)) is not long newest)
        {
            return 0;
        }

        await using (NpgsqlTransaction announcement = await connection.BeginTransactionAsync(cancellationToken))
        {
            // With the head locked no append is under way: each has either looked its ids up and is done, or will learn of this first.
            await ExecuteAsync(connection, AppendStatements.LockHead, cancellationToken);
            await ExecuteAsync(connection, KeepForgotten, cancellationToken, Stream(stream), AppendStatements.Of(newest));
            await announcement.CommitAsync(cancellationToken);
        }

        long forgotten = 0;
        while (await ForgetSomeAsync(connection, stream, new EventTime(newest), cancellationToken) is > 0 and var some)
        {
            forgotten += some;
        }

        return forgotten;
    }

    /// <summary>More producers than a clock remembers are not kept either: the longest silent go.</summary>
    private static async Task ForgetProducersAsync(NpgsqlConnection connection, uint stream, CancellationToken cancellationToken)
    {
        if (await ScalarAsync(connection, "SELECT count(*) FROM producers WHERE stream = $1", cancellationToken, Stream(stream)) is > (long)Entities.Limits.ProducersPerStreamMax)
        {
            await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellationToken);
            await ExecuteAsync(connection, AppendStatements.LockHead, cancellationToken);
            await ExecuteAsync(
                connection, $"DELETE FROM producers WHERE stream = $1 AND producer IN ({LongestSilent})", cancellationToken, Stream(stream), new NpgsqlParameter<int> { TypedValue = Entities.Limits.ProducersPerStreamMax });
            await transaction.CommitAsync(cancellationToken);
        }
    }

    private async Task<long> DropSomeAsync(LogSequence before, EventTime olderThan, CancellationToken cancellationToken)
    {
        await using NpgsqlConnection connection = await store.DataSource.OpenConnectionAsync(cancellationToken);
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellationToken);
        if (await OldestAsync(connection, before, olderThan, cancellationToken) is not var (first, lastAppend, last))
        {
            return 0;
        }

        var floors = new Dictionary<uint, long>();
        foreach (AppendFrames append in HistoryQuery.Run(store.DataSource, first, lastAppend, Limits.RetentionRowsPerStatement))
        {
            for (long sequence = append.First; sequence <= append.Last; sequence++)
            {
                EventRecord record = EventRecord.Parse(append.At(sequence).Payload);
                floors[record.StreamId] = Math.Max(record.Time.Micros, floors.GetValueOrDefault(record.StreamId, long.MinValue));
            }

            (lastAppend, last) = (append.First, append.Last);
        }

        await ExecuteAsync(connection, "DELETE FROM log_records WHERE append_sequence <= $1", cancellationToken, AppendStatements.Of(lastAppend));
        await ExecuteAsync(connection, "DELETE FROM log_appends WHERE first_sequence <= $1", cancellationToken, AppendStatements.Of(lastAppend));
        await ExecuteAsync(connection, "UPDATE log_head SET first_sequence = greatest(first_sequence, $1)", cancellationToken, AppendStatements.Of(last + 1));
        await ExecuteAsync(connection, KeepFloors, cancellationToken, AppendStatements.Of(floors.Keys.Select(stream => (int)stream)), AppendStatements.Of(floors.Values));
        await transaction.CommitAsync(cancellationToken);
        return last - first + 1;
    }

    /// <summary>The oldest appends that may go: as many as one transaction should have, and none behind one that some partition still needs.</summary>
    private static async Task<(long First, long LastAppend, long Last)?> OldestAsync(NpgsqlConnection connection, LogSequence before, EventTime olderThan, CancellationToken cancellationToken)
    {
        Dictionary<int, long> applied = await AppliedAsync(connection, cancellationToken);
        await using NpgsqlCommand command = Command(
            connection, OldestAppends, AppendStatements.Of(before.Value), AppendStatements.Of(olderThan.Micros), new NpgsqlParameter<int> { TypedValue = Limits.HistoryAppendsMax }, AppendStatements.Of((long)Limits.HistoryBytesMax));
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        (long First, long LastAppend, long Last)? found = null;
        while (await reader.ReadAsync(cancellationToken))
        {
            int[] partitions = reader.GetFieldValue<int[]>(2);
            long[] ends = reader.GetFieldValue<long[]>(3);
            if (partitions.Zip(ends).Any(end => applied.GetValueOrDefault(end.First, LogOffset.None.Value) < end.Second))
            {
                break;
            }

            found = (found?.First ?? reader.GetInt64(0), reader.GetInt64(0), reader.GetInt64(1));
        }

        return found;
    }

    private static async Task<Dictionary<int, long>> AppliedAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var applied = new Dictionary<int, long>();
        await using NpgsqlCommand command = Command(connection, "SELECT partition, applied FROM partitions");
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            applied[reader.GetInt32(0)] = reader.GetInt64(1);
        }

        return applied;
    }

    private static async Task<long> ForgetSomeAsync(NpgsqlConnection connection, uint stream, EventTime through, CancellationToken cancellationToken)
    {
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellationToken);
        long gone;
        long stood;
        await using (NpgsqlCommand forget = Command(
            connection, ForgetSome, Stream(stream), AppendStatements.Of(through.Micros), new NpgsqlParameter<int> { TypedValue = Limits.RetentionRowsPerStatement }))
        {
            await using NpgsqlDataReader reader = await forget.ExecuteReaderAsync(cancellationToken);
            await reader.ReadAsync(cancellationToken);
            (gone, stood) = (reader.GetInt64(0), reader.GetInt64(1));
        }

        await ExecuteAsync(connection, "UPDATE stream_counts SET forgotten = forgotten + $2 WHERE stream = $1", cancellationToken, Stream(stream), AppendStatements.Of(stood));
        await transaction.CommitAsync(cancellationToken);
        return gone;
    }

    private static NpgsqlParameter<int> Stream(uint stream) => new() { TypedValue = (int)stream };

    private static async Task<object?> ScalarAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken, params NpgsqlParameter[] parameters)
    {
        await using NpgsqlCommand command = Command(connection, sql, parameters);
        return await command.ExecuteScalarAsync(cancellationToken);
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken, params NpgsqlParameter[] parameters)
    {
        await using NpgsqlCommand command = Command(connection, sql, parameters);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static NpgsqlCommand Command(NpgsqlConnection connection, string sql, params ReadOnlySpan<NpgsqlParameter> parameters)
    {
        var command = new NpgsqlCommand(sql, connection);
        foreach (NpgsqlParameter parameter in parameters)
        {
            command.Parameters.Add(parameter);
        }

        return command;
    }
}
