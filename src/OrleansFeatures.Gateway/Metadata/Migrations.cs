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
