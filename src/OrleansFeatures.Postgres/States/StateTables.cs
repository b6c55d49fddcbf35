namespace OrleansFeatures.Postgres.States;

/// <summary>
/// The tables of entity states, as the steps that led to them. A step that has shipped is never edited: a change is a new step.
/// <code>
///   partitions   one row a partition   who may write its states (epoch), how far they go (applied), of which definitions (generation)
///   entities     one row an entity     the whole state as one blob, at the version that it had
/// </code>
/// </summary>
internal static class StateTables
{
    /// <summary>
    /// Reasons, with the figures in docs/postgres.md: two fifths of every page stay free, so that a state that is written again finds room in its page and no index entry changes (HOT). States are not
    /// compressed: they are packed already. From 2 KB on they lie in pieces beside the table: two states of 4 KB do not fit a page with room to spare, so in the table half of every page would be empty.
    /// Dead rows are collected at 5 % instead of 20 %.
    /// </summary>
    public const string Version1 =
        """
        CREATE TABLE partitions (
            partition integer PRIMARY KEY,
            epoch bigint NOT NULL,
            applied bigint NOT NULL,
            owner text NOT NULL,
            generation bigint NOT NULL
        ) WITH (fillfactor = 50);
        CREATE TABLE entities (
            generation bigint NOT NULL,
            partition integer NOT NULL,
            entity_type integer NOT NULL,
            key bytea NOT NULL,
            version bigint NOT NULL,
            format smallint NOT NULL,
            state bytea NOT NULL,
            PRIMARY KEY (generation, partition, entity_type, key)
        ) WITH (
            fillfactor = 60,
            autovacuum_vacuum_scale_factor = 0.05,
            autovacuum_vacuum_insert_scale_factor = 0.1,
            autovacuum_analyze_scale_factor = 0.05,
            toast.autovacuum_vacuum_scale_factor = 0.05
        );
        ALTER TABLE entities ALTER COLUMN state SET STORAGE EXTERNAL;
        """;
}
