using Npgsql;
using NpgsqlTypes;

namespace OrleansFeatures.Postgres.Upstream;

/// <summary>
/// How far each partition upstream has been taken in: every event through the position is durable here, in the log or in the quarantine. A position only ever moves forward, by one statement that compares and
/// sets, so a reader that was cut off and wakes can never make anybody read again what came since, nor hide that it did. Thread-safe.
/// </summary>
public sealed class UpstreamPositions(PostgresStore store)
{
    /// <summary>Null before anything of the partition was taken in.</summary>
    /// <exception cref="NpgsqlException">PostgreSQL did not answer.</exception>
    public async Task<UpstreamPosition?> FindAsync(UpstreamPartition partition, CancellationToken cancellationToken)
    {
        await using NpgsqlCommand select = store.DataSource.CreateCommand("SELECT sequence, hub_offset FROM upstream_positions WHERE hub = $1 AND partition = $2");
        select.Parameters.Add(Text(partition.Hub));
        select.Parameters.Add(Text(partition.Partition));
        await using NpgsqlDataReader row = await select.ExecuteReaderAsync(cancellationToken);
        return await row.ReadAsync(cancellationToken) ? new UpstreamPosition(row.GetInt64(0), row.GetString(1)) : null;
    }

    /// <summary>Moves the position forward. False if it is there or further already: then somebody else takes this partition in too.</summary>
    /// <exception cref="NpgsqlException">PostgreSQL did not answer; whether the position has moved is not known, and trying again is safe.</exception>
    public async Task<bool> TryAdvanceAsync(UpstreamPartition partition, UpstreamPosition to, CancellationToken cancellationToken)
    {
        await using NpgsqlCommand upsert = store.DataSource.CreateCommand(
            """
            INSERT INTO upstream_positions AS kept (hub, partition, sequence, hub_offset) VALUES ($1, $2, $3, $4)
            ON CONFLICT (hub, partition) DO UPDATE SET sequence = excluded.sequence, hub_offset = excluded.hub_offset, moved_at = now()
            WHERE kept.sequence < excluded.sequence
            """);
        upsert.Parameters.Add(Text(partition.Hub));
        upsert.Parameters.Add(Text(partition.Partition));
        upsert.Parameters.Add(new NpgsqlParameter<long> { TypedValue = to.Sequence });
        upsert.Parameters.Add(Text(to.Offset));
        return await upsert.ExecuteNonQueryAsync(cancellationToken) == 1;
    }

    private static NpgsqlParameter<string> Text(string value) => new() { TypedValue = value, NpgsqlDbType = NpgsqlDbType.Text };
}
