using System.Text;
using Npgsql;
using OrleansFeatures.Log;
using OrleansFeatures.Postgres.States;
using Xunit;

namespace OrleansFeatures.Postgres.Tests.States;

/// <summary>Rows and looks at tables that the tests of states share.</summary>
internal static class Rows
{
    public const uint Card = 0xC000_0001;

    public static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public static EntityRow Of(string key, long version, string state, uint type = Card) => new(type, Encoding.UTF8.GetBytes(key), version, 1, Encoding.UTF8.GetBytes(state));

    public static EntityRow Of(string key, long version, byte[] state) => new(Card, Encoding.UTF8.GetBytes(key), version, 1, state);

    public static string Text(this EntityRow row) => Encoding.UTF8.GetString(row.State.Span);

    public static Task<EntityRow?> Load(this EntityStates states, PartitionClaim claim, string key) => states.LoadAsync(claim.Generation, claim.Partition, Card, Encoding.UTF8.GetBytes(key), Cancelled).AsTask();

    public static Task Checkpoint(this EntityStates states, PartitionClaim claim, long from, long to, params EntityRow[] rows) =>
        states.CheckpointAsync(claim, new LogOffset(from), new LogOffset(to), rows, Cancelled);

    /// <summary>Everything in the table, as "generation partition type key version state".</summary>
    public static async Task<List<string>> All(PostgresStore store)
    {
        var rows = new List<string>();
        await using NpgsqlCommand command = store.DataSource.CreateCommand(
            "SELECT concat_ws(' ', generation, partition, entity_type, convert_from(key, 'UTF8'), version, convert_from(state, 'UTF8')) FROM entities ORDER BY generation, partition, entity_type, key");
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(Cancelled);
        while (await reader.ReadAsync(Cancelled))
        {
            rows.Add(reader.GetString(0));
        }

        return rows;
    }

    public static async Task<long> Scalar(PostgresStore store, string sql)
    {
        await using NpgsqlCommand command = store.DataSource.CreateCommand(sql);
        return Convert.ToInt64(await command.ExecuteScalarAsync(Cancelled), null);
    }

    /// <summary>Waits until so many sessions of the database wait for a lock: the server is asked again and again, each time a round trip.</summary>
    public static async Task WaitUntilBlocked(PostgresStore store, int sessions)
    {
        while (await Scalar(store, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") < sessions)
        {
            Cancelled.ThrowIfCancellationRequested();
        }
    }
}
