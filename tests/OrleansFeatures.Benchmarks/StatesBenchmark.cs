using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using OrleansFeatures.Log;
using OrleansFeatures.Postgres;
using OrleansFeatures.Postgres.States;
using OrleansFeatures.Postgres.Tests;

namespace OrleansFeatures.Benchmarks;

/// <summary>
/// Entity states in PostgreSQL: checkpoints as the partitions write them, against what one statement a row does with 64 of them at once (a grain storage of rows, at its best: no read before the write, no function around
/// it). The baseline and the checkpoints write the same rows to the same table, commits on disk. Ceiling: how fast the same bytes go into a bare table with COPY, without an index.
/// </summary>
internal static class StatesBenchmark
{
    public const string About = "entity states in PostgreSQL: [--rows 200000] [--sizes 600,4096] [--partitions 16] [--batch 2000: rows of a checkpoint] [--rounds 3] [--seconds 5: of the baseline and the loads] [--table SETTINGS: other storage settings of the table] [--connection STRING: else a server of its own]";
    private const int InParallel = 64;

    public static async Task Run(Arguments arguments)
    {
        PostgresServer? server = arguments.Text("connection") is null ? await PostgresServer.StartAsync("max_connections=200", "shared_buffers=1GB", "max_wal_size=8GB") : null;
        try
        {
            string connection = arguments.Text("connection") ?? await server!.CreateDatabaseAsync();
            Console.WriteLine($"{"state",8} {"what",-34}{"rows/s",12}{"MB/s",8}{"ratio",8}{"  note",0}");
            foreach (string size in (arguments.Text("sizes") ?? "600,4096").Split(','))
            {
                var options = new PostgresOptions { ConnectionString = connection, Schema = $"states_{size}", PartitionCount = arguments.Number("partitions", 16) };
                await using PostgresStore store = await PostgresStore.OpenAsync(options, TimeProvider.System, NullLogger.Instance, CancellationToken.None);
                await using NpgsqlDataSource rows = NpgsqlDataSource.Create(store.DataSource.ConnectionString + $";Maximum Pool Size={InParallel}");
                await new Sizes(store, rows, int.Parse(size, null), arguments).RunAsync();
            }
        }
        finally
        {
            if (server is not null)
            {
                await server.DisposeAsync();
            }
        }
    }

    private sealed class Sizes(PostgresStore store, NpgsqlDataSource single, int size, Arguments arguments)
    {
        private readonly int _rows = arguments.Number("rows", 200_000);
        private readonly int _batch = arguments.Number("batch", 2_000);
        private readonly int _partitions = arguments.Number("partitions", 16);
        private readonly TimeSpan _during = TimeSpan.FromSeconds(arguments.Number("seconds", 5));
        private readonly byte[] _state = Bytes(size * 2);
        private readonly EntityStates _states = new(store, NullLogger.Instance);
        private readonly List<PartitionClaim> _claims = [];
        private double _baseline;

        public async Task RunAsync()
        {
            for (int partition = 0; partition < _partitions; partition++)
            {
                _claims.Add(await _states.AcquireAsync(new PartitionId(partition), "benchmark", 1, CancellationToken.None));
            }

            if (arguments.Text("table") is { } settings)
            {
                await ExecuteAsync($"ALTER TABLE entities SET ({settings})");
            }

            double ceiling = await CopyAsync();
            (double inserts, double updates) = (await SinglesAsync(1), await SinglesAsync(2));
            _baseline = updates;
            Print("COPY into a bare table", ceiling, "the ceiling");
            Print($"one row a statement, {InParallel} at once", inserts, "new rows");
            Print($"one row a statement, {InParallel} at once", updates, "rows written again: the baseline");
            await ExecuteAsync("TRUNCATE entities");
            Print("checkpoints", await CheckpointsAsync(3), "new rows");
            for (int round = 0; round < arguments.Number("rounds", 3); round++)
            {
                long before = await HotAsync();
                double perSecond = await CheckpointsAsync(4 + round);
                Print("checkpoints", perSecond, $"rows written again, {(await HotAsync() - before) * 100.0 / _rows:N0} % within their page; {await MegabytesAsync():N0} MB of table and index");
            }

            await ExecuteAsync("VACUUM ANALYZE entities");
            foreach (int waiting in (int[])[1, 100, 10_000])
            {
                Print($"loads, {waiting:N0} wait at a time", await LoadsAsync(waiting), "");
            }
        }

        private void Print(string what, double perSecond, string note) =>
            Console.WriteLine($"{size,6} B {what,-34}{perSecond,12:N0}{perSecond * size / 1e6,8:N0}{(_baseline > 0 ? perSecond / _baseline : 1),8:N1}  {note}");

        private async Task<double> CheckpointsAsync(long version)
        {
            int each = _rows / _partitions;
            long begun = Stopwatch.GetTimestamp();
            await Parallel.ForEachAsync(_claims, new ParallelOptions { MaxDegreeOfParallelism = _partitions }, async (claim, cancellationToken) =>
            {
                for (int first = 0; first < each; first += _batch)
                {
                    EntityRow[] rows = [.. Enumerable.Range(first, Math.Min(_batch, each - first)).Select(number => Row(claim.Partition.Value, number, version))];
                    await _states.CheckpointAsync(claim, LogOffset.None, LogOffset.None, rows, cancellationToken);
                }
            });
            return each * _partitions / Stopwatch.GetElapsedTime(begun).TotalSeconds;
        }

        private async Task<double> SinglesAsync(long version)
        {
            long begun = Stopwatch.GetTimestamp();
            long written = 0;
            await Task.WhenAll(Enumerable.Range(0, InParallel).Select(worker => Task.Run(async () =>
            {
                await using NpgsqlConnection connection = await single.OpenConnectionAsync();
                for (int number = worker; number < _rows && Stopwatch.GetElapsedTime(begun) < _during; number += InParallel)
                {
                    EntityRow row = Row(number % _partitions, number / _partitions, version);
                    await using NpgsqlBatch batch = CheckpointRows.Batch(connection, StateStatements.Upsert, _claims[number % _partitions], [row]);
                    await batch.PrepareAsync();
                    await batch.ExecuteNonQueryAsync();
                    Interlocked.Increment(ref written);
                }
            })));
            return written / Stopwatch.GetElapsedTime(begun).TotalSeconds;
        }

        private async Task<double> LoadsAsync(int waiting)
        {
            long begun = Stopwatch.GetTimestamp();
            long loaded = 0;
            await Task.WhenAll(Enumerable.Range(0, waiting).Select(worker => Task.Run(async () =>
            {
                var random = new Random(worker);
                while (Stopwatch.GetElapsedTime(begun) < _during)
                {
                    EntityRow wanted = Row(random.Next(_partitions), random.Next(_rows / _partitions), 0);
                    _ = await _states.LoadAsync(1, new PartitionId(wanted.Key.Span[0]), wanted.EntityType, wanted.Key, CancellationToken.None) ?? throw new InvalidOperationException("a row is missing");
                    Interlocked.Increment(ref loaded);
                }
            })));
            return loaded / Stopwatch.GetElapsedTime(begun).TotalSeconds;
        }

        private async Task<double> CopyAsync()
        {
            await ExecuteAsync("CREATE TABLE bare (key bytea, state bytea); ALTER TABLE bare ALTER state SET STORAGE EXTERNAL");
            long begun = Stopwatch.GetTimestamp();
            await Parallel.ForEachAsync(Enumerable.Range(0, 4), async (worker, cancellationToken) =>
            {
                await using NpgsqlConnection connection = await store.DataSource.OpenConnectionAsync(cancellationToken);
                await using NpgsqlBinaryImporter importer = await connection.BeginBinaryImportAsync("COPY bare FROM STDIN (FORMAT BINARY)", cancellationToken);
                for (int number = 0; number < _rows / 4; number++)
                {
                    EntityRow row = Row(worker, number, 0);
                    await importer.StartRowAsync(cancellationToken);
                    await importer.WriteAsync(row.Key, cancellationToken);
                    await importer.WriteAsync(row.State, cancellationToken);
                }

                await importer.CompleteAsync(cancellationToken);
            });
            double perSecond = _rows / Stopwatch.GetElapsedTime(begun).TotalSeconds;
            await ExecuteAsync("DROP TABLE bare");
            return perSecond;
        }

        /// <summary>A key of 16 bytes that says where it is, and bytes that do not compress.</summary>
        private EntityRow Row(int partition, int number, long version)
        {
            var key = new byte[16];
            key[0] = (byte)partition;
            BitConverter.TryWriteBytes(key.AsSpan(4), number * 2_654_435_761L);
            return new EntityRow(1, key, version, 1, _state.AsMemory((int)((number + version) % size), size));
        }

        private async Task<long> HotAsync()
        {
            // The server counts a session's updates when the session has been idle for a while, unless it is asked to.
            await ExecuteAsync("SELECT pg_stat_force_next_flush()");
            await using NpgsqlCommand command = store.DataSource.CreateCommand("SELECT n_tup_hot_upd FROM pg_stat_all_tables WHERE schemaname = current_schema() AND relname = 'entities'");
            return (long)(await command.ExecuteScalarAsync())!;
        }

        private async Task<double> MegabytesAsync()
        {
            await using NpgsqlCommand command = store.DataSource.CreateCommand("SELECT pg_total_relation_size('entities')");
            return (long)(await command.ExecuteScalarAsync())! / 1e6;
        }

        private async Task ExecuteAsync(string sql)
        {
            await using NpgsqlCommand command = store.DataSource.CreateCommand(sql);
            command.CommandTimeout = 0;
            await command.ExecuteNonQueryAsync();
        }

        private static byte[] Bytes(int count)
        {
            var bytes = new byte[count];
            new Random(1).NextBytes(bytes);
            return bytes;
        }
    }
}
