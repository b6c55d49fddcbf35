using Microsoft.Extensions.Logging.Abstractions;
using OrleansFeatures.Postgres.Tests;
using Xunit;

[assembly: AssemblyFixture(typeof(PostgresFixture))]

namespace OrleansFeatures.Postgres.Tests;

/// <summary>One PostgreSQL for all tests of a run, a database for each. Where there can be none, the tests that ask for a database are skipped and say why.</summary>
public sealed class PostgresFixture : IAsyncLifetime
{
    private PostgresServer? _server;

    /// <summary>The server; the test is skipped where there is none.</summary>
    internal PostgresServer Server
    {
        get
        {
            Assert.SkipWhen(_server is null, PostgresServer.WhyNot() ?? "");
            return _server!;
        }
    }

    public async ValueTask InitializeAsync()
    {
        if (PostgresServer.WhyNot() is null)
        {
            // The tests end processes, not the machine: what the system has taken from a process is not lost with it.
            _server = await PostgresServer.StartAsync("fsync=off", "max_connections=200", "shared_buffers=64MB");
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }
    }

    /// <summary>A new store in a database of its own.</summary>
    public async Task<PostgresStore> OpenStoreAsync(int partitionCount = 16) => await OpenAsync(await OptionsAsync(partitionCount));

    /// <summary>What names an empty database of the caller's own.</summary>
    public async Task<PostgresOptions> OptionsAsync(int partitionCount = 16) => new() { ConnectionString = await Server.CreateDatabaseAsync(), PartitionCount = partitionCount };

    public static Task<PostgresStore> OpenAsync(PostgresOptions options) => PostgresStore.OpenAsync(options, TimeProvider.System, NullLogger.Instance, TestContext.Current.CancellationToken);
}
