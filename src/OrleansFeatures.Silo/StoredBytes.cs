using System.Data.Common;
using Npgsql;
using OrleansFeatures.Log;
using OrleansFeatures.Postgres;
using OrleansFeatures.Postgres.Log;

namespace OrleansFeatures.Silo;

/// <summary>What PostgreSQL keeps for the store, and how much of it.</summary>
internal static class StoredBytes
{
    private const string Sizes =
        "SELECT pg_total_relation_size('log_records') + pg_total_relation_size('log_appends') + pg_total_relation_size('event_ids'), pg_total_relation_size('entities')";

    /// <summary>Bytes of the log with its ids, and of states; with indexes.</summary>
    /// <exception cref="LogUnavailableException">PostgreSQL cannot be asked.</exception>
    public static async Task<(long Log, long States)> AskAsync(PostgresStore store, CancellationToken cancellationToken)
    {
        try
        {
            await using NpgsqlCommand command = store.DataSource.CreateCommand(Sizes);
            await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
            await reader.ReadAsync(cancellationToken).ConfigureAwait(false);
            return (reader.GetInt64(0), reader.GetInt64(1));
        }
        catch (DbException failure)
        {
            throw new LogUnavailableException($"PostgreSQL cannot be asked for the store's size ({failure.Message})", failure);
        }
    }

    /// <summary>Entities of a partition that have a row.</summary>
    /// <exception cref="LogUnavailableException">PostgreSQL cannot be asked.</exception>
    public static async Task<long> EntitiesAsync(PostgresStore store, long generation, PartitionId partition, CancellationToken cancellationToken)
    {
        try
        {
            await using NpgsqlCommand command = store.DataSource.CreateCommand("SELECT count(*) FROM entities WHERE generation = $1 AND partition = $2");
            command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = generation });
            command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = partition.Value });
            return (long)(await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false))!;
        }
        catch (DbException failure)
        {
            throw new LogUnavailableException($"PostgreSQL cannot be asked how many entities partition {partition} has ({failure.Message})", failure);
        }
    }
}
