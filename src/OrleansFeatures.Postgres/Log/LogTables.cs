using System.Globalization;

namespace OrleansFeatures.Postgres.Log;

/// <summary>
/// The tables of the log. docs/postgres.md explains them.
/// <code>
///  log_head       one row; its lock is the order of all appends
///  log_appends    one row for each append: which sequences, when, how far each partition came, what clocks learn
///  log_records    one row for each append and partition that it touches: frames one behind the other, as in a segment of the embedded log
///  event_ids      where the current version of each event lies: sequence, and (partition, row, bytes of the row)
///  producers      how far each producer has come, for lateness
///  stream_counts  events that stand, and how far ids have been forgotten
/// </code>
/// Frames are stored as they are: uncompressed bytes can be cut out of the middle (a single version of an event), and rows of up to a page stay in the table.
/// </summary>
internal static class LogTables
{
    public const string Version1 =
        """
        CREATE TABLE log_head (
            only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
            first_sequence bigint NOT NULL,
            next_sequence bigint NOT NULL,
            next_offsets bigint[] NOT NULL,
            latest_arrival bigint NOT NULL,
            definitions_generation bigint NOT NULL
        ) WITH (fillfactor = 10);
        ALTER TABLE log_head ALTER COLUMN next_offsets SET STORAGE MAIN;
        CREATE TABLE log_appends (
            first_sequence bigint PRIMARY KEY,
            last_sequence bigint NOT NULL,
            committed_at_micros bigint NOT NULL,
            frame_bytes bigint NOT NULL,
            partitions int[] NOT NULL,
            last_offsets bigint[] NOT NULL,
            marks bytea NOT NULL
        );
        CREATE INDEX log_appends_by_time ON log_appends (committed_at_micros);
        CREATE TABLE log_records (
            partition int NOT NULL,
            first_offset bigint NOT NULL,
            last_offset bigint NOT NULL,
            append_sequence bigint NOT NULL,
            frames bytea NOT NULL,
            PRIMARY KEY (partition, first_offset)
        ) WITH (toast_tuple_target = 8160);
        ALTER TABLE log_records ALTER COLUMN frames SET STORAGE EXTERNAL;
        CREATE INDEX log_records_by_append ON log_records (append_sequence);
        CREATE TABLE event_ids (
            stream int NOT NULL,
            high bigint NOT NULL,
            low bigint NOT NULL,
            version bigint NOT NULL,
            time_micros bigint NOT NULL,
            row_offset bigint NOT NULL,
            partition int NOT NULL,
            position int NOT NULL,
            frame_bytes int NOT NULL,
            PRIMARY KEY (stream, high, low)
        );
        CREATE INDEX event_ids_by_time ON event_ids USING brin (time_micros) WITH (pages_per_range = 32, autosummarize = on);
        CREATE TABLE producers (
            stream int NOT NULL,
            producer bytea NOT NULL,
            newest bigint NOT NULL,
            arrival bigint NOT NULL,
            stream_time bigint NOT NULL,
            changed_sequence bigint NOT NULL,
            PRIMARY KEY (stream, producer)
        ) WITH (fillfactor = 50);
        CREATE INDEX producers_by_change ON producers (changed_sequence);
        CREATE TABLE stream_counts (
            stream int PRIMARY KEY,
            accepted bigint NOT NULL DEFAULT 0,
            forgotten bigint NOT NULL DEFAULT 0,
            forgotten_through bigint NOT NULL DEFAULT -9223372036854775808,
            floor_micros bigint NOT NULL DEFAULT -9223372036854775808
        ) WITH (fillfactor = 50);
        """;

    /// <summary>The head of an empty log, unless there is one.</summary>
    public static string FirstHead(int partitionCount) =>
        $"""
        INSERT INTO log_head (first_sequence, next_sequence, next_offsets, latest_arrival, definitions_generation)
        VALUES (0, 0, array_fill(0::bigint, ARRAY[{partitionCount.ToString(CultureInfo.InvariantCulture)}]), -9223372036854775808, 0)
        ON CONFLICT DO NOTHING
        """;
}
