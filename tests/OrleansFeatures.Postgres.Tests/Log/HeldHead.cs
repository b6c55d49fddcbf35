using Npgsql;

namespace OrleansFeatures.Postgres.Tests.Log;

/// <summary>The head of the log, locked by somebody else: whoever appends waits until it is let go.</summary>
internal sealed class HeldHead : IAsyncDisposable
{
    private readonly PostgresStore _store;
    private readonly NpgsqlConnection _connection;
    private readonly NpgsqlTransaction _transaction;

    private HeldHead(PostgresStore store, NpgsqlConnection connection, NpgsqlTransaction transaction) => (_store, _connection, _transaction) = (store, connection, transaction);

    public static async Task<HeldHead> TakeAsync(PostgresStore store)
    {
        NpgsqlConnection connection = await store.DataSource.OpenConnectionAsync(Entry.Cancelled);
        NpgsqlTransaction transaction = await connection.BeginTransactionAsync(Entry.Cancelled);
        await using var take = new NpgsqlCommand("SELECT 1 FROM log_head FOR UPDATE", connection);
        await take.ExecuteScalarAsync(Entry.Cancelled);
        return new HeldHead(store, connection, transaction);
    }

    /// <summary>Returns when so many sessions wait for a lock.</summary>
    public async Task WaitersAsync(int count)
    {
        await using NpgsqlCommand look = _store.DataSource.CreateCommand("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'");
        while ((long)(await look.ExecuteScalarAsync(Entry.Cancelled))! < count)
        {
            await Task.Yield();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _transaction.RollbackAsync();
        await _connection.DisposeAsync();
    }
}
