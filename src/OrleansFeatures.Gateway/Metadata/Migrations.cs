using Microsoft.Data.Sqlite;

namespace OrleansFeatures.Gateway.Metadata;

/// <summary>
/// The tables in SQLite, as the steps that led to them. A step that has shipped is never edited: a change is a new step. Each runs in a transaction
/// of its own together with the line that records it, so a crash leaves the database at one version or the next.
/// </summary>
internal static class Migrations
{
    private static readonly string[] Steps =
    [
        """
        CREATE TABLE definition_files (
            name TEXT PRIMARY KEY,
            content TEXT NOT NULL
        ) WITHOUT ROWID;
        CREATE TABLE definition_applies (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            at_micros INTEGER NOT NULL,
            hash TEXT NOT NULL,
            base_hash TEXT NOT NULL,
            applied_by TEXT NOT NULL,
            verdict TEXT NOT NULL,
            changes TEXT NOT NULL
        );
        """,
        """
        CREATE TABLE quarantine (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            stream TEXT NOT NULL,
            arrival_micros INTEGER NOT NULL,
            field TEXT NOT NULL,
            reason TEXT NOT NULL,
            fix TEXT NOT NULL,
            json TEXT NOT NULL
        );
        CREATE INDEX quarantine_by_stream ON quarantine (stream, id);
        """,
        """
        CREATE TABLE late (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            stream TEXT NOT NULL,
            arrival_micros INTEGER NOT NULL,
            event_micros INTEGER NOT NULL,
            stream_micros INTEGER NOT NULL,
            views TEXT NOT NULL,
            json TEXT NOT NULL
        );
        CREATE INDEX late_by_stream ON late (stream, id);
        """,
        """
        CREATE TABLE predictions (
            sequence INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            definition_hash TEXT NOT NULL,
            as_of_micros INTEGER NOT NULL,
            served_micros INTEGER NOT NULL,
            question BLOB NOT NULL,
            answer BLOB NOT NULL,
            said BLOB,
            due BLOB
        );
        CREATE INDEX predictions_due ON predictions (sequence) WHERE due IS NOT NULL;
        CREATE TABLE prediction_entities (
            prediction INTEGER NOT NULL,
            entity INTEGER NOT NULL,
            as_of_micros INTEGER NOT NULL,
            PRIMARY KEY (prediction, entity)
        ) WITHOUT ROWID;
        CREATE INDEX prediction_entities_by_entity ON prediction_entities (entity, as_of_micros);
        CREATE TABLE prediction_head (
            only_row INTEGER PRIMARY KEY,
            newest INTEGER NOT NULL,
            let_go INTEGER NOT NULL
        );
        INSERT INTO prediction_head VALUES (1, 0, 0);
        CREATE TABLE amendments (
            sequence INTEGER PRIMARY KEY,
            prediction_id TEXT NOT NULL,
            amended_micros INTEGER NOT NULL,
            amendment BLOB NOT NULL
        );
        CREATE TABLE amendment_head (
            only_row INTEGER PRIMARY KEY,
            version INTEGER NOT NULL,
            log_through INTEGER NOT NULL,
            taken_up INTEGER NOT NULL,
            newest INTEGER NOT NULL,
            retired INTEGER NOT NULL
        );
        INSERT INTO amendment_head VALUES (1, 0, -1, 0, 0, 0);
        """,
    ];

    public static void Apply(SqliteConnection connection, string path)
    {
        connection.Execute("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY)");
        long version = connection.Scalar("SELECT max(version) FROM schema_version");
        if (version > Steps.Length)
        {
            throw new MetadataException($"{Path.GetFileName(path)} has version {version}, this program knows versions up to {Steps.Length}: run the newer program, or restore a backup");
        }

        for (long step = version; step < Steps.Length; step++)
        {
            using SqliteTransaction transaction = connection.BeginTransaction();
            connection.Execute(Steps[step]);
            connection.Execute("INSERT INTO schema_version VALUES (@p1)", step + 1);
            transaction.Commit();
        }
    }
}
