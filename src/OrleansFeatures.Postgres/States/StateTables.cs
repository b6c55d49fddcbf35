namespace OrleansFeatures.Postgres.States;

/// <summary>The tables of entity states: who owns a partition and how far its saved state goes, and one row for each entity and generation of definitions.</summary>
internal static class StateTables
{
    public const string Version1 =
        """
        CREATE TABLE partitions (
            partition int PRIMARY KEY,
            epoch bigint NOT NULL,
            applied bigint NOT NULL,
            owner text NOT NULL,
            generation bigint NOT NULL
        ) WITH (fillfactor = 50);
        CREATE TABLE entities (
            generation bigint NOT NULL,
            partition int NOT NULL,
            entity_type bigint NOT NULL,
            key bytea NOT NULL,
            version bigint NOT NULL,
            format smallint NOT NULL,
            state bytea NOT NULL,
            PRIMARY KEY (generation, partition, entity_type, key)
        ) WITH (fillfactor = 80, toast_tuple_target = 8160);
        ALTER TABLE entities ALTER COLUMN state SET STORAGE EXTERNAL;
        """;
}
