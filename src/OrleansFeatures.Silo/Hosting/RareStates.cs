using Npgsql;
using Orleans.Configuration;
using OrleansFeatures.Postgres;

namespace OrleansFeatures.Silo.Hosting;

/// <summary>
/// Where grains that write rarely keep their state: Orleans's ADO.NET storage under the name <see cref="Name"/>, in the store's own schema. Entities do not use it: it writes a row at a time, and theirs go by the hundred
/// with a checkpoint.
/// <para>The storage reads its statements from a table, and they are ours: what they are given and must give back is Orleans's contract, the table behind them is not. A row counts its versions; a write that names another
/// than the newest finds no row and says so by answering none, which the storage turns into an InconsistentStateException.</para>
/// </summary>
internal static class RareStates
{
    public const string Name = "rare";

    private const string OfGrain = """
        service = @ServiceId AND type_hash = @GrainTypeHash AND id_hash = @GrainIdHash AND type = @GrainTypeString AND n0 = @GrainIdN0 AND n1 = @GrainIdN1
        AND extension = coalesce(@GrainIdExtensionString::text, '')
        """;

    private const string Read = $"SELECT payload AS PayloadBinary, version AS Version FROM rare_states WHERE {OfGrain}";

    private const string Write = $"""
        WITH changed AS (
          UPDATE rare_states SET payload = @PayloadBinary, version = version + 1, written_at = now() WHERE {OfGrain} AND version = @GrainStateVersion::integer RETURNING version),
        made AS (
          INSERT INTO rare_states (service, type_hash, id_hash, type, n0, n1, extension, payload, version, written_at)
          SELECT @ServiceId, @GrainTypeHash, @GrainIdHash, @GrainTypeString, @GrainIdN0, @GrainIdN1, coalesce(@GrainIdExtensionString::text, ''), @PayloadBinary, 1, now()
          WHERE @GrainStateVersion::integer IS NULL ON CONFLICT DO NOTHING RETURNING version)
        SELECT version AS NewGrainStateVersion FROM changed UNION ALL SELECT version FROM made
        """;

    private const string Clear = $"UPDATE rare_states SET payload = NULL, version = version + 1, written_at = now() WHERE {OfGrain} AND version = @GrainStateVersion::integer RETURNING version AS NewGrainStateVersion";

    private const string Tables = """
        CREATE TABLE IF NOT EXISTS rare_states (
          service text NOT NULL, type_hash integer NOT NULL, id_hash integer NOT NULL, type text NOT NULL, n0 bigint NOT NULL, n1 bigint NOT NULL, extension text NOT NULL,
          payload bytea, version integer NOT NULL, written_at timestamptz NOT NULL,
          PRIMARY KEY (service, type, n0, n1, extension));
        CREATE TABLE IF NOT EXISTS orleansquery (querykey varchar(64) PRIMARY KEY, querytext varchar(8000) NOT NULL);
        """;

    /// <summary>Any number; whoever makes these tables waits for whoever is making them, because IF NOT EXISTS alone lets two try at once.</summary>
    private const long TablesLock = 0x0FEA_7E5A_4EE1;

    /// <summary>Makes the tables where they are missing, and says the statements of this build. Silos that start together take turns.</summary>
    public static async Task CreateAsync(PostgresStore store, CancellationToken cancellationToken)
    {
        await using NpgsqlConnection connection = await store.DataSource.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellationToken).ConfigureAwait(false);
        await RunAsync(connection, $"SELECT pg_advisory_xact_lock({TablesLock})", cancellationToken).ConfigureAwait(false);
        await RunAsync(connection, Tables, cancellationToken).ConfigureAwait(false);
        foreach ((string key, string text) in new[] { ("WriteToStorageKey", Write), ("ReadFromStorageKey", Read), ("ClearStorageKey", Clear) })
        {
            await using NpgsqlCommand command = new("INSERT INTO orleansquery (querykey, querytext) VALUES ($1, $2) ON CONFLICT (querykey) DO UPDATE SET querytext = excluded.querytext", connection);
            command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = key });
            command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = text });
            await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
        }

        await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The storage, over the store's own connections.</summary>
    public static ISiloBuilder AddRareStates(this ISiloBuilder silo, PostgresStore store) => silo.AddAdoNetGrainStorage(Name, (AdoNetGrainStorageOptions options) =>
    {
        options.Invariant = "Npgsql";
        options.DataSource = store.DataSource;
    });

    private static async Task RunAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using NpgsqlCommand command = new(sql, connection);
        await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
    }
}
