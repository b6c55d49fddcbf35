using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Postgres.Tests;

public sealed class PostgresStoreTests(PostgresFixture postgres)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Silos_that_open_an_empty_database_together_create_one_store()
    {
        PostgresOptions options = await postgres.OptionsAsync();
        PostgresStore[] stores = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => PostgresFixture.OpenAsync(options)));
        (await ScalarAsync(stores[0], "SELECT count(*) FROM log_head")).ShouldBe(1L);
        (await ScalarAsync(stores[5], "SELECT count(*) FROM schema_version")).ShouldBe(await ScalarAsync(stores[0], "SELECT max(version)::bigint FROM schema_version"));
        foreach (PostgresStore store in stores)
        {
            await store.DisposeAsync();
        }
    }

    [Fact]
    public async Task Another_number_of_partitions_is_refused_and_the_message_says_the_right_one()
    {
        PostgresOptions options = await postgres.OptionsAsync(partitionCount: 16);
        await using PostgresStore store = await PostgresFixture.OpenAsync(options);
        PostgresStoreException refused = await Should.ThrowAsync<PostgresStoreException>(PostgresFixture.OpenAsync(options with { PartitionCount = 32 }));
        refused.Message.ShouldContain("created with 16 partitions");
    }

    [Fact]
    public async Task A_schema_that_needs_a_newer_program_is_refused_and_one_that_does_not_is_opened()
    {
        PostgresOptions options = await postgres.OptionsAsync();
        await using PostgresStore store = await PostgresFixture.OpenAsync(options);
        await using (NpgsqlCommand newer = store.DataSource.CreateCommand("INSERT INTO schema_version (version, needs_program) VALUES (1000, 1)"))
        {
            await newer.ExecuteNonQueryAsync(Cancelled);
        }

        await using (PostgresStore rolledBack = await PostgresFixture.OpenAsync(options))
        {
            (await ScalarAsync(rolledBack, "SELECT max(version)::bigint FROM schema_version")).ShouldBe(1000L);
        }

        await using (NpgsqlCommand newer = store.DataSource.CreateCommand("INSERT INTO schema_version (version, needs_program) VALUES (1001, 1001)"))
        {
            await newer.ExecuteNonQueryAsync(Cancelled);
        }

        PostgresStoreException refused = await Should.ThrowAsync<PostgresStoreException>(PostgresFixture.OpenAsync(options));
        refused.Message.ShouldContain("has version 1001 and needs a program that knows 1001 steps");
    }

    [Fact]
    public async Task PostgreSQL_asks_after_every_connection_so_that_what_one_holds_is_free_when_its_machine_is_gone()
    {
        await using PostgresStore store = await PostgresFixture.OpenAsync(await postgres.OptionsAsync());
        (await ScalarAsync(store, "SELECT current_setting('tcp_keepalives_idle')::bigint")).ShouldBe(10);
        (await ScalarAsync(store, "SELECT current_setting('tcp_keepalives_interval')::bigint")).ShouldBe(5);
        (await ScalarAsync(store, "SELECT current_setting('tcp_keepalives_count')::bigint")).ShouldBe(3);
    }

    [Fact]
    public async Task Two_schemas_of_one_database_are_two_stores()
    {
        PostgresOptions options = await postgres.OptionsAsync(partitionCount: 16);
        await using PostgresStore one = await PostgresFixture.OpenAsync(options);
        await using PostgresStore other = await PostgresFixture.OpenAsync(options with { Schema = "other_store", PartitionCount = 4 });
        (await ScalarAsync(one, "SELECT cardinality(next_offsets)::bigint FROM log_head")).ShouldBe(16L);
        (await ScalarAsync(other, "SELECT cardinality(next_offsets)::bigint FROM log_head")).ShouldBe(4L);
    }

    [Theory]
    [InlineData("public; drop table x")]
    [InlineData("Upper")]
    [InlineData("")]
    public async Task A_schema_that_is_no_plain_name_is_refused(string schema)
    {
        var options = new PostgresOptions { ConnectionString = "Host=127.0.0.1", Schema = schema };
        (await Should.ThrowAsync<ArgumentException>(PostgresFixture.OpenAsync(options))).Message.ShouldContain("PostgresOptions.Schema");
    }

    [Fact]
    public async Task A_server_that_is_not_there_is_said_to_be_so()
    {
        var options = new PostgresOptions { ConnectionString = "Host=127.0.0.1;Port=1;Username=postgres;Database=postgres" };
        PostgresStoreException failure = await Should.ThrowAsync<PostgresStoreException>(PostgresStore.OpenAsync(options, TimeProvider.System, NullLogger.Instance, Cancelled));
        failure.Message.ShouldContain("connection string");
    }

    [Fact]
    public async Task What_is_acknowledged_is_on_disk_whatever_the_server_says_by_default()
    {
        PostgresOptions options = await postgres.OptionsAsync();
        await using PostgresStore store = await PostgresFixture.OpenAsync(options with { ConnectionString = options.ConnectionString + ";Options=-c synchronous_commit=off" });
        await using NpgsqlCommand asked = store.DataSource.CreateCommand("SHOW synchronous_commit");
        (await asked.ExecuteScalarAsync(Cancelled)).ShouldBe("on");
    }

    private static async Task<long> ScalarAsync(PostgresStore store, string sql)
    {
        await using NpgsqlCommand command = store.DataSource.CreateCommand(sql);
        return (long)(await command.ExecuteScalarAsync(Cancelled))!;
    }
}
