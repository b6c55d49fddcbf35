using System.Data.Common;
using Npgsql;
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

    /// <summary>Nothing is held between calls.</summary>
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
}
