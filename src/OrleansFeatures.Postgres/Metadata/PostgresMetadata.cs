using System.Data.Common;
using Npgsql;
using OrleansFeatures.Domain;
using OrleansFeatures.Gateway.Metadata;

namespace OrleansFeatures.Postgres.Metadata;

/// <summary>
/// The gateway's metadata in the store's schema: every silo of a cluster reads and writes the same. Calls take a connection of the store's pool and block for their few statements. Whoever commits definitions has the log's
/// head locked meanwhile: no event is appended between two definitions, and every append sees which generation it belongs to.
/// </summary>
/// <param name="store">Belongs to the caller, who disposes of it after this.</param>
public sealed class PostgresMetadata(PostgresStore store) : MetadataDatabase
{
    public override T Read<T>(Func<DbConnection, T> read) => Guarded(() =>
    {
        using NpgsqlConnection connection = store.DataSource.OpenConnection();
        return read(connection);
    });

    public override T Write<T>(Func<DbConnection, DbTransaction, T> write) => Guarded(() =>
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                return WriteOnce(write);
            }
            catch (PostgresException failure) when (failure.SqlState is PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.SerializationFailure && attempt < Limits.MetadataAttemptsMax)
            {
                // Two silos got into each other's way, and PostgreSQL has rolled this one back.
            }
        }
    });

    public override void LockDefinitions(DbConnection connection) => connection.Execute("SELECT only_row FROM log_head FOR UPDATE");

    public override void TellGeneration(DbConnection connection, long generation) => connection.Execute("UPDATE log_head SET definitions_generation = @p1", generation);

    /// <summary>An advisory lock, for as long as a connection of the pool lives. Its number is the database's, so the schema is in it.</summary>
    public override IDisposable? TryTakeTurn(long task) => Guarded<IDisposable?>(() =>
    {
        NpgsqlConnection connection = store.DataSource.OpenConnection();
        Turn? turn = null;
        try
        {
            long number = unchecked((long)StableHash.Of(System.Text.Encoding.UTF8.GetBytes(store.Schema), (ulong)task));
            using var command = new NpgsqlCommand("SELECT pg_try_advisory_lock($1)", connection) { Parameters = { new NpgsqlParameter { Value = number } } };
            return command.ExecuteScalar() is true ? turn = new Turn(connection) : null;
        }
        finally
        {
            if (turn is null)
            {
                connection.Dispose();
            }
        }
    });

    /// <summary>Nothing is held between calls but turns, which belong to whoever took them.</summary>
    public override void Dispose()
    {
    }

    private T WriteOnce<T>(Func<DbConnection, DbTransaction, T> write)
    {
        using NpgsqlConnection connection = store.DataSource.OpenConnection();
        using NpgsqlTransaction transaction = connection.BeginTransaction();
        T result = write(connection, transaction);
        transaction.Commit();
        return result;
    }

    private static T Guarded<T>(Func<T> work)
    {
        try
        {
            return work();
        }
        catch (NpgsqlException failure)
        {
            bool isDiskFull = failure.SqlState == PostgresErrorCodes.DiskFull;
            throw new MetadataException($"metadata in PostgreSQL: {failure.Message}. {(isDiskFull ? "Nothing of it was written. Free some space on its disk, then repeat it." : States.StatesFailure.Fix(failure))}", failure) { IsDiskFull = isDiskFull };
        }
    }

    private sealed class Turn(NpgsqlConnection connection) : IDisposable
    {
        public void Dispose()
        {
            try
            {
                using var command = new NpgsqlCommand("SELECT pg_advisory_unlock_all()", connection);
                command.ExecuteNonQuery();
            }
            catch (NpgsqlException)
            {
                // The connection is broken, and the lock with it.
            }

            connection.Dispose();
        }
    }
}
