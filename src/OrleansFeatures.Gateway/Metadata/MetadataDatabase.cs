using Microsoft.Data.Sqlite;

namespace OrleansFeatures.Gateway.Metadata;

/// <summary>
/// The file metadata.db in the data directory: what is small, rarely written, and worth opening with any SQLite tool. A commit is on disk
/// when the call returns (write-ahead log, synchronous FULL). Any thread may call; one at a time gets in.
/// </summary>
public sealed class MetadataDatabase : IDisposable
{
    /// <summary>SQLITE_FULL: the disk is, or a quota.</summary>
    private const int SqliteFull = 13;

    private readonly Lock _gate = new();
    private readonly SqliteConnection _connection;
    private readonly string _path;

    private MetadataDatabase(string path)
    {
        _path = path;
        _connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Mode = SqliteOpenMode.ReadWriteCreate, Pooling = false }.ToString());
    }

    /// <summary>Opens or creates metadata.db in <paramref name="directory"/>, which is created when missing, and brings its tables up to date.</summary>
    /// <exception cref="MetadataException">The file is damaged, not writable, or of a newer version of this program.</exception>
    public static MetadataDatabase Open(string directory)
    {
        SystemSqlite.EnsureConnected();
        Directory.CreateDirectory(directory);
        var database = new MetadataDatabase(Path.Combine(directory, "metadata.db"));
        try
        {
            database.Prepare();
            return database;
        }
        catch (MetadataException)
        {
            database.Dispose();
            throw;
        }
    }

    /// <summary>Runs <paramref name="read"/> alone on the connection.</summary>
    /// <exception cref="MetadataException">SQLite reports an error.</exception>
    internal T Read<T>(Func<SqliteConnection, T> read) => Guarded(() => read(_connection));

    /// <summary>Runs <paramref name="write"/> in a transaction that is committed when it returns and rolled back when it throws.</summary>
    /// <exception cref="MetadataException">SQLite reports an error; nothing was written.</exception>
    internal T Write<T>(Func<SqliteConnection, SqliteTransaction, T> write) => Guarded(() =>
    {
        using SqliteTransaction transaction = _connection.BeginTransaction();
        T result = write(_connection, transaction);
        transaction.Commit();
        return result;
    });

    public void Dispose()
    {
        lock (_gate)
        {
            _connection.Dispose();
        }
    }

    private void Prepare() => Guarded(() =>
    {
        _connection.Open();
        _connection.Execute("PRAGMA journal_mode = WAL");
        _connection.Execute("PRAGMA synchronous = FULL");
        Migrations.Apply(_connection, _path);
        return true;
    });

    private T Guarded<T>(Func<T> work)
    {
        lock (_gate)
        {
            try
            {
                return work();
            }
            catch (SqliteException failure) when (failure.SqliteErrorCode == SqliteFull)
            {
                throw new MetadataException($"{_path}: no space left on the disk ({failure.Message}). Nothing of it was written. Free some space, then repeat it", failure) { IsDiskFull = true };
            }
            catch (SqliteException failure)
            {
                throw new MetadataException($"{Path.GetFileName(_path)}: {failure.Message}", failure);
            }
        }
    }
}
