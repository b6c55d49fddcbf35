using System.Data.Common;

namespace OrleansFeatures.Gateway.Metadata;

/// <summary>
/// What is small, rarely written, and worth opening with any tool: definitions and who applied them, refused and late events. The same tables and the same SQL on SQLite, for one process, and on PostgreSQL, for the silos
/// of a cluster. What a transaction has written is on disk when the call returns. Calls block for the time of their few statements; any thread may call.
/// </summary>
public abstract class MetadataDatabase : IDisposable
{
    /// <summary>Runs <paramref name="read"/> on a connection. Each statement of it sees one moment; two may see different ones where other processes write.</summary>
    /// <exception cref="MetadataException">The database reports an error.</exception>
    public abstract T Read<T>(Func<DbConnection, T> read);

    /// <summary>
    /// Runs <paramref name="write"/> in a transaction that is committed when it returns and rolled back when it throws. It may be run again, when the database had to choose between two transactions, and so must do nothing
    /// else.
    /// </summary>
    /// <exception cref="MetadataException">The database reports an error; nothing was written, unless the connection was lost while committing.</exception>
    public abstract T Write<T>(Func<DbConnection, DbTransaction, T> write);

    /// <summary>Inside a transaction: nobody else, in whatever process, commits definitions until it ends.</summary>
    public abstract void LockDefinitions(DbConnection connection);

    /// <summary>Inside the transaction that commits definitions, behind <see cref="LockDefinitions"/>: tells others who share the database.</summary>
    public abstract void TellGeneration(DbConnection connection, long generation);

    /// <summary>
    /// The only turn at a task, among all processes that share the database, until it is given back by disposal or the process ends; null while another has it. It keeps two from doing the same work, and is no fence: a connection
    /// that breaks gives the turn away without a word, so what is written must find out for itself.
    /// </summary>
    /// <exception cref="MetadataException">The database reports an error.</exception>
    public abstract IDisposable? TryTakeTurn(long task);

    public abstract void Dispose();
}
