using System.Globalization;
using Npgsql;
using OrleansFeatures.Postgres.Log;

namespace OrleansFeatures.Postgres;

/// <summary>
/// The tables, as the steps that led to them. A step that has shipped is never edited: a change is a new step. All that are missing run in one transaction, under a lock that silos starting together
/// take turns at, so a crash leaves the schema at one version or the next.
/// </summary>
internal static class Migrations
{
    /// <summary>Where silos that start together take turns; drawn once for this store.</summary>
    private const long MigrationLock = 0x6F66_706F_7374_6772;

    /// <summary>The unquoted names resolve by the search path of the store's connections.</summary>
    private static readonly Step[] Steps =
    [
        new(LogTables.Version1, NeedsProgram: 1),
        new(States.StateTables.Version1, NeedsProgram: 2),
        new(Metadata.MetadataTables.Version1, NeedsProgram: 3),
        new(Upstream.UpstreamTables.Version1, NeedsProgram: 4),
        new(Metadata.MetadataTables.Version2, NeedsProgram: 4),
    ];

    /// <exception cref="PostgresStoreException">A newer program has been here, or the store has another number of partitions.</exception>
    public static async Task ApplyAsync(NpgsqlConnection connection, string schema, int partitionCount, CancellationToken cancellationToken)
    {
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellationToken);
        await ExecuteAsync(connection, $"SELECT pg_advisory_xact_lock({MigrationLock.ToString(CultureInfo.InvariantCulture)})", cancellationToken);
        await ExecuteAsync(connection, $"CREATE SCHEMA IF NOT EXISTS {schema}", cancellationToken);
        await ExecuteAsync(connection, "CREATE TABLE IF NOT EXISTS schema_version (version int PRIMARY KEY, needs_program int NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())", cancellationToken);
        int version = await ScalarAsync<int>(connection, "SELECT coalesce(max(version), 0) FROM schema_version", cancellationToken);
        int needed = await ScalarAsync<int>(connection, "SELECT coalesce(max(needs_program), 0) FROM schema_version", cancellationToken);
        if (needed > Steps.Length)
        {
            throw new PostgresStoreException($"schema '{schema}' has version {version} and needs a program that knows {needed} steps of it, this one knows {Steps.Length}: run the newer program, or restore a backup into another schema");
        }

        for (int step = version; step < Steps.Length; step++)
        {
            await ExecuteAsync(connection, Steps[step].Sql, cancellationToken);
            await ExecuteAsync(connection, string.Create(CultureInfo.InvariantCulture, $"INSERT INTO schema_version (version, needs_program) VALUES ({step + 1}, {Steps[step].NeedsProgram})"), cancellationToken);
        }

        await ExecuteAsync(connection, LogTables.FirstHead(partitionCount), cancellationToken);
        int kept = await ScalarAsync<int>(connection, "SELECT cardinality(next_offsets) FROM log_head", cancellationToken);
        if (kept != partitionCount)
        {
            throw new PostgresStoreException(
                $"schema '{schema}' was created with {kept} partitions, and the options say {partitionCount}: every entity has its partition by that number, so it cannot change. Say {kept}, or name a new schema and bring the events in again");
        }

        await transaction.CommitAsync(cancellationToken);
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static async Task<T> ScalarAsync<T>(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        return (T)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    private sealed record Step(string Sql, int NeedsProgram);
}
