using Npgsql;

namespace OrleansFeatures.Postgres.States;

/// <summary>The statements about states. Every connection of the store has its schema as search path.</summary>
internal static class StateStatements
{
    /// <summary>
    /// Ends the sessions that hold the row that a waiting session wants, and not those that wait for it as well. They are of the same role, so it needs no more rights than an owner has.
    /// </summary>
    public const string EndBlockers =
        "SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid = ANY (pg_blocking_pids($1)) AND wait_event_type IS DISTINCT FROM 'Lock'";

    /// <summary>partition, owner, generation. No row: the partition's generation is newer.</summary>
    public const string Acquire =
        "INSERT INTO partitions AS p (partition, epoch, applied, owner, generation) VALUES ($1, 1, -1, $2, $3) ON CONFLICT (partition) DO UPDATE SET epoch = p.epoch + 1, owner = excluded.owner, "
        + "applied = CASE WHEN p.generation = excluded.generation THEN p.applied ELSE -1 END, generation = excluded.generation WHERE p.generation <= excluded.generation RETURNING epoch, applied";

    /// <summary>
    /// partition, epoch, generation, from, to: the compare-and-set. Anything from "from" to "to" is taken for "from": within an epoch only its one owner can have moved it there, with a checkpoint whose
    /// answer was lost, and what that held is in this one again.
    /// </summary>
    public const string Move =
        "UPDATE partitions SET applied = $5 WHERE partition = $1 AND epoch = $2 AND generation = $3 AND applied BETWEEN $4 AND $5";

    public const string Standing =
        Standings + " WHERE partition = $1";

    public const string Standings =
        "SELECT partition, epoch, generation, applied, owner FROM partitions";

    /// <summary>partitions, epochs, generations, as arrays; answers with the places of those that stand.</summary>
    public const string Confirm =
        "SELECT c.place FROM unnest($1, $2, $3) WITH ORDINALITY AS c (partition, epoch, generation, place) JOIN partitions p ON p.partition = c.partition AND p.epoch = c.epoch AND p.generation = c.generation";

    /// <summary>generation, partition, then types, keys, versions, formats, states as arrays.</summary>
    public const string Upsert =
        "INSERT INTO entities AS e (generation, partition, entity_type, key, version, format, state) SELECT $1, $2, * FROM unnest($3, $4, $5, $6, $7) "
        + "ON CONFLICT (generation, partition, entity_type, key) DO UPDATE SET version = excluded.version, format = excluded.format, state = excluded.state WHERE e.version < excluded.version";

    /// <summary>
    /// Goes before <see cref="Load"/> and <see cref="Forget"/>, in the same transaction. A plan that was made while the table had one page would read the whole table for every key, and is kept until the table is analyzed, which may be
    /// a million rows later.
    /// </summary>
    public const string ProbeOnly = "SELECT set_config('enable_seqscan', 'off', true)";

    /// <summary>generations, partitions, types, keys, as arrays. One probe of the primary key for each: LIMIT keeps the planner from making this a join of another kind.</summary>
    public const string Load =
        "SELECT w.place, r.version, r.format, r.state FROM unnest($1, $2, $3, $4) WITH ORDINALITY AS w (generation, partition, entity_type, key, place) CROSS JOIN LATERAL "
        + "(SELECT e.version, e.format, e.state FROM entities e WHERE e.generation = w.generation AND e.partition = w.partition AND e.entity_type = w.entity_type AND e.key = w.key LIMIT 1) r";

    /// <summary>partition, generation, most rows. Which older generations there are is found by jumping from one to the next in the index: their other partitions may have a billion rows.</summary>
    public const string Forget =
        "WITH RECURSIVE older AS (SELECT max(generation) AS generation FROM entities WHERE generation < $2 UNION ALL "
        + "SELECT (SELECT max(e.generation) FROM entities e WHERE e.generation < older.generation) FROM older WHERE older.generation IS NOT NULL) "
        + "DELETE FROM entities WHERE ctid = ANY (ARRAY (SELECT r.place FROM older CROSS JOIN LATERAL "
        + "(SELECT e.ctid AS place FROM entities e WHERE e.generation = older.generation AND e.partition = $1 LIMIT $3) r LIMIT $3))";

    public static NpgsqlParameter<T> Value<T>(T value) => new() { TypedValue = value };
}
