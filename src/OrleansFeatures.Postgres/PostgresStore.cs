using Microsoft.Extensions.Logging;
using Npgsql;

namespace OrleansFeatures.Postgres;

/// <summary>
/// The cluster's store in PostgreSQL: one schema, its tables brought up to date, and the pool of connections. Statements name tables without a schema: every connection's search path is the store's schema, and nothing else.
/// Thread-safe.
/// </summary>
public sealed class PostgresStore : IAsyncDisposable
{
    private readonly PostgresOptions _options;

    private PostgresStore(PostgresOptions options, NpgsqlDataSource dataSource, TimeProvider time)
    {
        _options = options;
        DataSource = dataSource;
        Time = time;
    }

    /// <summary>Connections for statements of any kind. Statements that recur are prepared by themselves.</summary>
    public NpgsqlDataSource DataSource { get; }

    public string Schema => _options.Schema;

    public int PartitionCount => _options.PartitionCount;

    internal PostgresOptions Options => _options;

    internal TimeProvider Time { get; }

    /// <summary>What notifications of the log are heard on. Channels are the database's, so the schema is in the name.</summary>
    internal string LogChannel => $"{Schema}_log";

    /// <summary>Connects, and creates or migrates the schema. Silos that start together take turns.</summary>
    /// <exception cref="ArgumentException">An option is out of range; the message names it.</exception>
    /// <exception cref="PostgresStoreException">The schema is of a newer program or has another number of partitions, or PostgreSQL cannot be reached; the message says what to do.</exception>
    public static async Task<PostgresStore> OpenAsync(PostgresOptions options, TimeProvider time, ILogger logger, CancellationToken cancellationToken)
    {
        options.Validate();
        NpgsqlDataSource dataSource = Source(options, "", []);
        PostgresStore? store = null;
        try
        {
            await using NpgsqlConnection connection = await dataSource.OpenConnectionAsync(cancellationToken);
            await Migrations.ApplyAsync(connection, options.Schema, options.PartitionCount, cancellationToken);
            logger.Opened(options.Schema, options.PartitionCount, connection.PostgreSqlVersion.ToString());
            return store = new PostgresStore(options, dataSource, time);
        }
        catch (NpgsqlException failure)
        {
            throw new PostgresStoreException($"the store in PostgreSQL cannot be opened ({failure.Message}). Look at the connection string, that the server is up, and that its user may create schema '{options.Schema}' or owns it", failure);
        }
        finally
        {
            if (store is null)
            {
                await dataSource.DisposeAsync();
            }
        }
    }

    public ValueTask DisposeAsync() => DataSource.DisposeAsync();

    /// <summary>
    /// Connections of the log's own, outside of the pool: one that fails is closed and never given to anybody else. <paramref name="settings"/> are set as the connection starts, so that they hold from its first statement on.
    /// </summary>
    internal NpgsqlDataSource OwnConnections(string purpose, params ReadOnlySpan<string> settings) => Source(_options, purpose, settings);

    private static NpgsqlDataSource Source(PostgresOptions options, string purpose, ReadOnlySpan<string> settings)
    {
        var connection = new NpgsqlConnectionStringBuilder(options.ConnectionString);
        string name = string.IsNullOrEmpty(connection.ApplicationName) ? "orleans-features" : connection.ApplicationName;
        connection.ApplicationName = purpose.Length == 0 ? name : $"{name} {purpose}";
        connection.SearchPath = options.Schema;
        connection.Timeout = Limits.ConnectSecondsMax;
        connection.CommandTimeout = Limits.CommandSecondsMax;
        connection.MaxAutoPrepare = Limits.PreparedStatementsMax;
        connection.AutoPrepareMinUsages = 2;
        connection.TcpKeepAlive = true;
        connection.TcpKeepAliveTime = Limits.KeepAliveSeconds;
        connection.TcpKeepAliveInterval = Limits.KeepAliveIntervalSeconds;
        connection.Pooling = purpose.Length == 0;
        connection.MaxPoolSize = options.PoolConnectionsMax;

        // What is acknowledged is on disk, whatever the server's default.
        // And PostgreSQL asks after us as we ask after it: what a connection holds, a turn or a row, is free again when its machine is gone.
        List<string> set =
        [
            "synchronous_commit=on", $"tcp_keepalives_idle={Limits.KeepAliveSeconds}", $"tcp_keepalives_interval={Limits.KeepAliveIntervalSeconds}", $"tcp_keepalives_count={Limits.KeepAliveQuestions}", .. settings,
        ];
        connection.Options = string.Join(' ', [connection.Options, .. set.Select(setting => $"-c {setting}")]).Trim();
        return new NpgsqlDataSourceBuilder(connection.ConnectionString).Build();
    }
}
