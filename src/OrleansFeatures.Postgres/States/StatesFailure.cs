using Npgsql;

namespace OrleansFeatures.Postgres.States;

/// <summary>Says in words what PostgreSQL reports with a code, and what would help.</summary>
internal static class StatesFailure
{
    /// <summary>Does the work; a failure of PostgreSQL comes out as <see cref="StatesException"/>.</summary>
    public static async Task<T> TellAsync<T>(string what, Func<Task<T>> work)
    {
        try
        {
            return await work().ConfigureAwait(false);
        }
        catch (NpgsqlException failure)
        {
            throw new StatesException($"{what}: {failure.Message}. {Fix(failure)}", failure) { IsTransient = failure.IsTransient };
        }
    }

    /// <summary>What to do about it, as a sentence.</summary>
    public static string Fix(NpgsqlException failure) => failure.SqlState switch
    {
        null => "PostgreSQL cannot be reached or went away: check that it runs and takes connections; then try again.",
        PostgresErrorCodes.DiskFull => "Free some space on PostgreSQL's disk, then try again.",
        PostgresErrorCodes.InsufficientPrivilege => "Grant this role the rights that docs/postgres.md lists.",
        PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.UndefinedColumn or PostgresErrorCodes.InvalidSchemaName => "Somebody changed the schema's tables: restore them, or let a new schema be created.",
        PostgresErrorCodes.ReadOnlySqlTransaction => "This is a standby: connect to the primary.",
        PostgresErrorCodes.TooManyConnections => "Raise max_connections of PostgreSQL, or lower the number of silos.",
        _ when failure.IsTransient => "Try again.",
        _ => "Look into PostgreSQL's log; trying again is safe.",
    };
}
