using Npgsql;
using OrleansFeatures.Gateway.Metadata;
using OrleansFeatures.Gateway.Registry;
using OrleansFeatures.Gateway.Tests.Metadata.Cases;
using OrleansFeatures.Gateway.Tests.Registry;
using OrleansFeatures.Postgres.Metadata;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Postgres.Tests.Metadata;

public sealed class PostgresRegistryTests(PostgresFixture postgres) : DefinitionRegistryCases, IAsyncDisposable
{
    private readonly OneDatabase _database = new(postgres);

    public ValueTask DisposeAsync() => _database.DisposeAsync();

    protected override Task<MetadataDatabase> OpenAsync() => _database.OpenAsync();
}

public sealed class PostgresQuarantineTests(PostgresFixture postgres) : QuarantineCases, IAsyncDisposable
{
    private readonly OneDatabase _database = new(postgres);

    public ValueTask DisposeAsync() => _database.DisposeAsync();

    protected override Task<MetadataDatabase> OpenAsync() => _database.OpenAsync();
}

public sealed class PostgresLateOutputTests(PostgresFixture postgres) : LateOutputCases, IAsyncDisposable
{
    private readonly OneDatabase _database = new(postgres);

    public ValueTask DisposeAsync() => _database.DisposeAsync();

    protected override Task<MetadataDatabase> OpenAsync() => _database.OpenAsync();
}

public sealed class PostgresPredictionTests(PostgresFixture postgres) : PredictionCases, IAsyncDisposable
{
    private readonly OneDatabase _database = new(postgres);

    public ValueTask DisposeAsync() => _database.DisposeAsync();

    protected override Task<MetadataDatabase> OpenAsync() => _database.OpenAsync();
}

public sealed class PostgresMetadataTests(PostgresFixture postgres)
{
    [Fact]
    public async Task A_commit_of_definitions_tells_the_log_its_generation()
    {
        await using PostgresStore store = await postgres.OpenStoreAsync();
        var registry = new DefinitionRegistry(new PostgresMetadata(store), TimeProvider.System);
        registry.TryCommit(registry.Plan([new DefinitionSource("fraud.yaml", Samples.Small)]), "ana").ShouldBeTrue();
        (await States.Rows.Scalar(store, "SELECT definitions_generation FROM log_head")).ShouldBe(registry.Generation);
    }

    [Fact]
    public async Task A_failed_write_leaves_nothing_behind()
    {
        await using PostgresStore store = await postgres.OpenStoreAsync();
        using var database = new PostgresMetadata(store);
        Should.Throw<MetadataException>(() => database.Write((connection, _) =>
        {
            connection.Execute("INSERT INTO definition_files VALUES ('a.yaml', 'x')");
            return connection.Execute("INSERT INTO definition_files VALUES ('a.yaml', 'y')");
        }));
        database.Read(connection => connection.Scalar("SELECT count(*) FROM definition_files")).ShouldBe(0);
    }

    [Fact]
    public async Task Transactions_that_lock_each_other_out_are_both_done()
    {
        await using PostgresStore store = await postgres.OpenStoreAsync();
        using var database = new PostgresMetadata(store);
        database.Write((connection, _) => connection.Execute("INSERT INTO definition_files VALUES ('a', ''), ('b', '')"));
        using var bothHaveOne = new Barrier(2);
        await Task.WhenAll(Task.Run(() => Append("a", "b"), States.Rows.Cancelled), Task.Run(() => Append("b", "a"), States.Rows.Cancelled));
        database.Read(connection => connection.Rows("SELECT content FROM definition_files", row => row.GetString(0))).ShouldBe(["xx", "xx"]);

        void Append(string first, string second)
        {
            bool isFirstAttempt = true;
            database.Write((connection, _) =>
            {
                connection.Execute("UPDATE definition_files SET content = content || 'x' WHERE name = @p1", first);
                if (isFirstAttempt)
                {
                    isFirstAttempt = false;
                    bothHaveOne.SignalAndWait(TestContext.Current.CancellationToken);
                }

                return connection.Execute("UPDATE definition_files SET content = content || 'x' WHERE name = @p1", second);
            });
        }
    }

    [Fact]
    public async Task A_database_that_is_gone_is_said_to_be_so_and_used_again_when_it_is_back()
    {
        await using PostgresStore store = await postgres.OpenStoreAsync();
        using var database = new PostgresMetadata(store);
        string name = new NpgsqlConnectionStringBuilder(store.DataSource.ConnectionString).Database!;
        await postgres.Server.ExecuteAsync($"ALTER DATABASE {name} ALLOW_CONNECTIONS false");
        await postgres.Server.ExecuteAsync($"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
        MetadataException failure = Should.Throw<MetadataException>(() => database.Read(connection => connection.Scalar("SELECT 1::bigint")));
        failure.Message.ShouldStartWith("metadata in PostgreSQL: ");
        failure.IsDiskFull.ShouldBeFalse();
        await postgres.Server.ExecuteAsync($"ALTER DATABASE {name} ALLOW_CONNECTIONS true");
        database.Read(connection => connection.Scalar("SELECT 1::bigint")).ShouldBe(1);
    }
}

/// <summary>A database of one test, opened as often as there are processes.</summary>
internal sealed class OneDatabase(PostgresFixture postgres) : IAsyncDisposable
{
    private readonly List<PostgresStore> _stores = [];
    private PostgresOptions? _options;

    public async Task<MetadataDatabase> OpenAsync()
    {
        _options ??= await postgres.OptionsAsync();
        _stores.Add(await PostgresFixture.OpenAsync(_options));
        return new PostgresMetadata(_stores[^1]);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (PostgresStore store in _stores)
        {
            await store.DisposeAsync();
        }
    }
}
