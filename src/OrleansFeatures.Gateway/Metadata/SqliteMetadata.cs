using System.Data.Common;
using Microsoft.Data.Sqlite;

namespace OrleansFeatures.Gateway.Metadata;

/// <summary>
/// The file metadata.db in the data directory. A commit is on disk when the call returns (write-ahead log, synchronous FULL). Any thread may call; one at a time gets in.
/// </summary>
public sealed class SqliteMetadata : MetadataDatabase
{
    /// <summary>SQLITE_FULL: the disk is, or a quota.</summary>
    private const int SqliteFull = 13;

    private readonly Lock _gate = new();
    private readonly SqliteConnection _connection;
    private readonly string _path;

    private SqliteMetadata(string path)
    {
        _path = path;
        _connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Mode = SqliteOpenMode.ReadWriteCreate, Pooling = false }.ToString());
    }

    /// <summary>Opens or creates metadata.db in <paramref name="directory"/>, which is created when missing, and brings its tables up to date.</summary>
    /// <exception cref="MetadataException">The file is damaged, not writable, or of a newer version of this program.</exception>
    public static SqliteMetadata Open(string directory)
    {
        SystemSqlite.EnsureConnected();
        Directory.CreateDirectory(directory);
        var database = new SqliteMetadata(Path.Combine(directory, "metadata.db"));
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

    public override T Read<T>(Func<DbConnection, T> read) => Guarded(() => read(_connection));

    public override T Write<T>(Func<DbConnection, DbTransaction, T> write) => Guarded(() =>
    {
        using SqliteTransaction transaction = _connection.BeginTransaction();
        T result = write(_connection, transaction);
        transaction.Commit();
        return result;
    });

    /// <summary>A transaction of SQLite locks the whole file as it begins.</summary>
    public override void LockDefinitions(DbConnection connection)
    {
    }

    /// <summary>One process has the file.</summary>
    public override void TellGeneration(DbConnection connection, long generation)
    {
    }

    /// <summary>One process has the file.</summary>
    public override IDisposable? TryTakeTurn(long task) => NoTurn.Instance;

    public override void Dispose()
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

    private sealed class NoTurn : IDisposable
    {
        public static readonly NoTurn Instance = new();

        public void Dispose()
        {
        }
    }
}
