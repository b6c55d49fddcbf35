using System.Data.Common;
using Microsoft.Extensions.Logging;
using Npgsql;
using OrleansFeatures.Log;

namespace OrleansFeatures.Postgres.Log;

/// <summary>
/// Follows the ends of all partitions for one silo, over two connections: one listens, one fetches.
/// <code>
///   commit anywhere ── NOTIFY ──> listener ── positions ──> fetcher ── one query for all tails that lack something ──> tails
///                                 every second: head         ▲
///   commit of this silo ─────────────────────────────────────┴── its rows go to the tails at once
/// </code>
/// <para>Notifications only make it fast. What is durable is learned from the head of the log too, on every connection anew and once a second, so one that is lost delays and does no more; and a tail takes rows only in the
/// order of their offsets, so none is lost or seen twice, whatever connections do. A tail that is full is not fetched for until it has been read.</para>
/// </summary>
internal sealed class LogFollower : IPartitionTails, IAsyncDisposable
{
    private readonly PostgresStore _store;
    private readonly LogPositions _positions;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly NpgsqlDataSource _connections;
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _closing = new();
    private readonly SemaphoreSlim _wake = new(0, 1);
    private readonly Task[] _loops;
    private readonly List<FollowedTail>[] _tails;
    private bool _isTroubled;
    private volatile bool _lookNow;
    private int _turn;

    public LogFollower(PostgresStore store, LogPositions positions, TimeProvider time, ILogger logger)
    {
        (_store, _positions, _time, _logger) = (store, positions, time, logger);
        _tails = [.. Enumerable.Range(0, store.PartitionCount).Select(_ => new List<FollowedTail>())];
        _connections = store.OwnConnections("follow", "enable_seqscan=off", "enable_hashjoin=off", "enable_mergejoin=off", "jit=off");
        _loops = [Task.Run(() => KeepOnAsync(ListenAsync)), Task.Run(() => KeepOnAsync(FetchAsync))];
    }

    public PartitionTail Open(PartitionId partition, LogOffset after)
    {
        ObjectDisposedException.ThrowIf(_closing.IsCancellationRequested, this);
        var tail = new FollowedTail(this, partition, after);
        lock (_gate)
        {
            _tails[partition.Value] = [.. _tails[partition.Value], tail];
        }

        Wake();
        return tail;
    }

    public LogOffset Durable(PartitionId partition) => _positions.DurableOf(partition);

    public async ValueTask WaitDurableBeyondAsync(PartitionId partition, LogOffset offset, CancellationToken ct)
    {
        while (true)
        {
            Task moved = _positions.Moved();
            if (Durable(partition).CompareTo(offset) > 0)
            {
                return;
            }

            await moved.WaitAsync(ct);
        }
    }

    /// <summary>This silo has appended; on the appender's loop, in the order of its appends.</summary>
    public void Appended(List<PartitionBatch> rows)
    {
        foreach (PartitionBatch row in rows)
        {
            foreach (FollowedTail tail in Volatile.Read(ref _tails[row.Partition.Value]))
            {
                tail.Bring(row);
            }
        }

        // Tails that are behind others' appends did not take it.
        Wake();
    }

    /// <summary>Some tail may lack something, or have room again.</summary>
    public void Wake()
    {
        lock (_gate)
        {
            if (_wake.CurrentCount == 0)
            {
                _wake.Release();
            }
        }
    }

    public void Close(FollowedTail tail)
    {
        lock (_gate)
        {
            _tails[tail.Partition.Value] = [.. _tails[tail.Partition.Value].Where(other => other != tail)];
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync();
        await Task.WhenAll(_loops);
        foreach (FollowedTail tail in _tails.SelectMany(tails => tails).ToArray())
        {
            await tail.DisposeAsync();
        }

        await _connections.DisposeAsync();
        _wake.Dispose();
        _closing.Dispose();
    }

    /// <summary>Runs one of the loops on a connection of its own, and again on another when PostgreSQL fails it.</summary>
    private async Task KeepOnAsync(Func<NpgsqlConnection, CancellationToken, Task> loop)
    {
        TimeSpan pause = Limits.ReconnectMin;
        while (true)
        {
            try
            {
                await using NpgsqlConnection connection = await _connections.OpenConnectionAsync(_closing.Token);
                pause = Limits.ReconnectMin;
                await loop(connection, _closing.Token);
            }
            catch (OperationCanceledException) when (_closing.IsCancellationRequested)
            {
                return;
            }
            catch (Exception failure) when (failure is DbException or TimeoutException or IOException or System.Net.Sockets.SocketException)
            {
                if (!Interlocked.Exchange(ref _isTroubled, true))
                {
                    _logger.FollowingFailed(failure.Message);
                }
            }

            try
            {
                await Task.Delay(pause, _time, _closing.Token);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            pause = pause * 2 < Limits.ReconnectMax ? pause * 2 : Limits.ReconnectMax;
        }
    }

    private async Task ListenAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        connection.Notification += (_, heard) => Hear(heard.Payload);
        await using (var listen = new NpgsqlCommand($"LISTEN \"{_store.LogChannel}\"", connection))
        {
            await listen.ExecuteNonQueryAsync(cancellationToken);
        }

        while (true)
        {
            // First of all, because what was committed before it listened told nobody here.
            await LookAsync(connection, cancellationToken);
            long looked = _time.GetTimestamp();
            while (_time.GetElapsedTime(looked) is var passed && passed < Limits.FollowFallback && !_lookNow)
            {
                // Whole milliseconds, and none of them is "for ever": rounded down, the last half a millisecond would wait for the next append, whenever that is.
                await connection.WaitAsync((int)Math.Ceiling((Limits.FollowFallback - passed).TotalMilliseconds), cancellationToken);
            }

            _lookNow = false;
        }
    }

    private void Hear(string notice)
    {
        if (AppendNotice.TryRead(notice, _store.PartitionCount, out LogSequence last, out List<(int Partition, long Last)> ends))
        {
            _positions.Advance(last, ends);
            Wake();
        }
        else
        {
            _lookNow = true;
        }
    }

    private async Task LookAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand($"SELECT {LogHead.Columns} FROM log_head", connection) { CommandTimeout = Limits.LookSecondsMax };
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        _positions.Advance(LogHead.Read(reader));
        Wake();
        if (Interlocked.Exchange(ref _isTroubled, false))
        {
            _logger.FollowingResumed();
        }
    }

    private async Task FetchAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        while (true)
        {
            await _wake.WaitAsync(cancellationToken);
            try
            {
                while (Lacking() is { Count: > 0 } lacking)
                {
                    await BringAsync(connection, lacking, cancellationToken);
                }
            }
            catch (Exception failure) when (failure is DbException or TimeoutException or IOException or System.Net.Sockets.SocketException)
            {
                // Whoever comes next on this loop must look again.
                Wake();
                throw;
            }
        }
    }

    /// <summary>The tails that lack something and have room, of so many partitions as one query takes.</summary>
    private List<(FollowedTail Tail, LogOffset Start)> Lacking()
    {
        List<(FollowedTail, LogOffset)> lacking = [];
        int partitions = 0;
        for (int step = 0; step < _tails.Length && partitions < Limits.FetchPartitionsMax; step++)
        {
            _turn = (_turn + 1) % _tails.Length;
            int before = lacking.Count;
            foreach (FollowedTail tail in Volatile.Read(ref _tails[_turn]))
            {
                if (tail.Wanted() is { } start)
                {
                    lacking.Add((tail, start));
                }
            }

            partitions += lacking.Count > before ? 1 : 0;
        }

        return lacking;
    }

    private async Task BringAsync(NpgsqlConnection connection, List<(FollowedTail Tail, LogOffset Start)> lacking, CancellationToken cancellationToken)
    {
        (PartitionId, LogOffset)[] wanted = [.. lacking.GroupBy(each => each.Tail.Partition).Select(each => (each.Key, each.Min(tail => tail.Start)))];
        List<PartitionBatch> rows = await TailQuery.RunAsync(connection, wanted, cancellationToken);
        ILookup<PartitionId, PartitionBatch> byPartition = rows.ToLookup(row => row.Partition);
        foreach ((FollowedTail tail, LogOffset start) in lacking)
        {
            // Offsets have no gaps, and what is durable is there: a row that is not was dropped with old history.
            LogOffset first = byPartition[tail.Partition].FirstOrDefault()?.First ?? new LogOffset(Durable(tail.Partition).Value + 1);
            if (first.CompareTo(start) > 0)
            {
                tail.Miss(start, first);
                continue;
            }

            foreach (PartitionBatch row in byPartition[tail.Partition])
            {
                tail.Bring(row);
            }
        }
    }
}
