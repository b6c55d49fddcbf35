using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using OrleansFeatures.Log;
using OrleansFeatures.Postgres.States;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Postgres.Tests.States;

public sealed class EntityLoadsTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Loads_that_wait_at_the_same_time_share_queries_and_each_gets_its_own_row()
    {
        await using PostgresStore store = await StoreAsync(1_000);
        var loads = new EntityLoads(store.DataSource);
        Task<EntityRow?>[] waiting;
        await using (NpgsqlConnection other = await store.DataSource.OpenConnectionAsync(Rows.Cancelled))
        {
            await using NpgsqlTransaction locked = await LockedAsync(other);
            waiting = [.. Enumerable.Range(0, 1_000).Select(number => Load(loads, number))];
            await Rows.WaitUntilBlocked(store, Limits.LoadQueriesAtOnce);
        }

        EntityRow?[] rows = await Task.WhenAll(waiting);
        for (int number = 0; number < rows.Length; number++)
        {
            rows[number].ShouldNotBeNull().Text().ShouldBe($"state {number}");
        }

        loads.Queries.ShouldBeLessThanOrEqualTo(Limits.LoadQueriesAtOnce + ((1_000 + Limits.LoadsPerQuery - 1) / Limits.LoadsPerQuery));
    }

    [Fact]
    public async Task A_load_that_is_cancelled_leaves_its_neighbours_alone()
    {
        await using PostgresStore store = await StoreAsync(20);
        var loads = new EntityLoads(store.DataSource);
        using var cancel = new CancellationTokenSource();
        Task<EntityRow?>[] given;
        Task<EntityRow?>[] kept;
        await using (NpgsqlConnection other = await store.DataSource.OpenConnectionAsync(Rows.Cancelled))
        {
            await using NpgsqlTransaction locked = await LockedAsync(other);
            given = [.. Enumerable.Range(0, 10).Select(number => LoadUntil(cancel.Token, loads, number))];
            kept = [.. Enumerable.Range(10, 10).Select(number => Load(loads, number))];
            await Rows.WaitUntilBlocked(store, 1);
            await cancel.CancelAsync();
            foreach (Task<EntityRow?> load in given)
            {
                await Should.ThrowAsync<OperationCanceledException>(load);
            }
        }

        (await Task.WhenAll(kept)).Select(row => row.ShouldNotBeNull().Text()).ShouldBe(Enumerable.Range(10, 10).Select(number => $"state {number}"));
        await Should.ThrowAsync<OperationCanceledException>(LoadUntil(cancel.Token, loads, 1));
    }

    [Fact]
    public async Task A_line_that_is_full_refuses_and_says_so()
    {
        await using PostgresStore store = await StoreAsync(20);
        var loads = new EntityLoads(store.DataSource, waitingMax: 5);
        Task<EntityRow?>[] waiting;
        await using (NpgsqlConnection other = await store.DataSource.OpenConnectionAsync(Rows.Cancelled))
        {
            await using NpgsqlTransaction locked = await LockedAsync(other);
            waiting = [.. Enumerable.Range(0, 20).Select(number => Load(loads, number))];
            await Rows.WaitUntilBlocked(store, 1);
            waiting = [.. waiting, .. Enumerable.Range(0, 20).Select(number => Load(loads, number))];
            StatesException refused = await Should.ThrowAsync<StatesException>(waiting[^1]);
            refused.IsTransient.ShouldBeTrue();
            refused.Message.ShouldContain("wait for PostgreSQL already");
        }

        foreach (Task<EntityRow?> load in waiting)
        {
            // Refused or answered; nobody waits for ever.
            await Task.WhenAny(load).WaitAsync(Rows.Cancelled);
        }

        waiting.Count(load => load.IsCompletedSuccessfully).ShouldBeGreaterThanOrEqualTo(5);
        (await Load(loads, 7)).ShouldNotBeNull();
    }

    [Fact]
    public async Task A_session_that_ends_under_way_fails_its_loads_and_no_later_ones()
    {
        await using PostgresStore store = await StoreAsync(50);
        var loads = new EntityLoads(store.DataSource);
        Task<EntityRow?>[] waiting;
        await using (NpgsqlConnection other = await store.DataSource.OpenConnectionAsync(Rows.Cancelled))
        {
            await using NpgsqlTransaction locked = await LockedAsync(other);
            waiting = [.. Enumerable.Range(0, 50).Select(number => Load(loads, number))];
            await Rows.WaitUntilBlocked(store, 1);
            await Rows.Scalar(store, "SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'");
            (await Should.ThrowAsync<StatesException>(waiting[0])).IsTransient.ShouldBeTrue();
        }

        foreach (Task<EntityRow?> load in waiting)
        {
            await Task.WhenAny(load).WaitAsync(Rows.Cancelled);
        }

        (await Task.WhenAll(Enumerable.Range(0, 50).Select(number => Load(loads, number)))).ShouldAllBe(row => row != null);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_load_probes_the_index_also_while_the_planner_believes_the_table_tiny(bool analyzed)
    {
        await using PostgresStore store = await StoreAsync(3);
        await using NpgsqlConnection connection = await store.DataSource.OpenConnectionAsync(Rows.Cancelled);
        await using var prepare = new NpgsqlCommand(
            $"{(analyzed ? "ANALYZE entities; " : "")}PREPARE load (bigint[], int[], int[], bytea[]) AS {StateStatements.Load}; SET plan_cache_mode = force_generic_plan", connection);
        await prepare.ExecuteNonQueryAsync(Rows.Cancelled);
        await using var explain = new NpgsqlCommand($"BEGIN; {StateStatements.ProbeOnly}; EXPLAIN EXECUTE load ('{{1}}', '{{1}}', '{{1}}', '{{a}}')", connection);
        await using NpgsqlDataReader reader = await explain.ExecuteReaderAsync(Rows.Cancelled);
        var plan = new List<string>();
        do
        {
            while (await reader.ReadAsync(Rows.Cancelled))
            {
                plan.Add(reader.GetString(0));
            }
        }
        while (await reader.NextResultAsync(Rows.Cancelled));
        string text = string.Join('\n', plan);
        text.ShouldContain("Index Scan using entities_pkey");
        text.ShouldNotContain("Seq Scan");
    }

    [Fact]
    public async Task What_is_set_for_a_load_holds_for_that_load_only()
    {
        await using PostgresStore store = await StoreAsync(1);
        await using NpgsqlConnection connection = await store.DataSource.OpenConnectionAsync(Rows.Cancelled);
        const string Asked = "SELECT current_setting('enable_seqscan')";
        await using var batch = new NpgsqlBatch(connection) { BatchCommands = { new NpgsqlBatchCommand(StateStatements.ProbeOnly), new NpgsqlBatchCommand(Asked) } };
        await batch.PrepareAsync(Rows.Cancelled);
        await using (NpgsqlDataReader reader = await batch.ExecuteReaderAsync(Rows.Cancelled))
        {
            await reader.NextResultAsync(Rows.Cancelled);
            await reader.ReadAsync(Rows.Cancelled);
            reader.GetString(0).ShouldBe("off");
        }

        await using var after = new NpgsqlCommand(Asked, connection);
        (await after.ExecuteScalarAsync(Rows.Cancelled)).ShouldBe("on");
    }

    private static Task<EntityRow?> Load(EntityLoads loads, int number) => LoadUntil(Rows.Cancelled, loads, number);

    private static Task<EntityRow?> LoadUntil(CancellationToken cancellation, EntityLoads loads, int number) =>
        loads.LoadAsync(1, new PartitionId(1), Rows.Card, Encoding.UTF8.GetBytes($"k{number}"), cancellation).AsTask();

    /// <summary>Nobody reads the table until the transaction ends.</summary>
    private static async Task<NpgsqlTransaction> LockedAsync(NpgsqlConnection connection)
    {
        NpgsqlTransaction transaction = await connection.BeginTransactionAsync(Rows.Cancelled);
        await using var command = new NpgsqlCommand("LOCK TABLE entities", connection);
        await command.ExecuteNonQueryAsync(Rows.Cancelled);
        return transaction;
    }

    private async Task<PostgresStore> StoreAsync(int rows)
    {
        PostgresStore store = await postgres.OpenStoreAsync();
        var states = new EntityStates(store, NullLogger.Instance);
        PartitionClaim claim = await states.AcquireAsync(new PartitionId(1), "ana", 1, Rows.Cancelled);
        await states.Checkpoint(claim, -1, 0, [.. Enumerable.Range(0, rows).Select(number => Rows.Of($"k{number}", 1, $"state {number}"))]);
        return store;
    }
}
