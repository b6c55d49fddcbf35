using System.Data.Common;
using Microsoft.Extensions.Logging;
using Npgsql;
using OrleansFeatures.Domain;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Log;

namespace OrleansFeatures.Postgres.Log;

/// <summary>
/// The one appender of a silo: takes what waits, appends it in one transaction over a connection of its own, and begins again. While a transaction is under way the next group gathers, so the busier the log the larger its groups.
/// When PostgreSQL is away everything that waits or comes is refused at once, and the connection is tried again, ever more slowly up to <see cref="Limits.ReconnectMax"/>, until it is there.
/// <para>Whoever has appended hears of it. Between two takes from the queue everything that is waited for has a bound: statements theirs (<see cref="Limits.CommandSecondsMax"/>), connections (<see cref="Limits.ConnectSecondsMax"/>), entities
/// (<see cref="PostgresOptions.PresenceMax"/>), and nothing else is waited for. When the loop ends, however it does, the queue is closed and what is left in it is told.</para>
/// </summary>
internal sealed class AppendLoop : IAsyncDisposable
{
    private readonly PostgresStore _store;
    private readonly AppendQueue _queue;
    private readonly EventIntake _intake;
    private readonly Presence _presence;
    private readonly LogPositions _positions;
    private readonly Action<List<PartitionBatch>> _appended;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly NpgsqlDataSource _connections;
    private readonly CancellationTokenSource _closing = new();
    private readonly Task _loop;
    private NpgsqlConnection? _connection;
    private long _producersKnown = LogSequence.None.Value;

    /// <summary>Starts it. What is appended is called, on the loop, with the rows of each append in order, once they are durable.</summary>
    public AppendLoop(PostgresStore store, AppendQueue queue, EventIntake intake, Presence presence, LogPositions positions, Action<List<PartitionBatch>> appended, TimeProvider time, ILogger logger)
    {
        (_store, _queue, _intake, _presence, _positions, _appended, _time, _logger) = (store, queue, intake, presence, positions, appended, time, logger);
        string Milliseconds(TimeSpan time) => time.TotalMilliseconds.ToString("0", System.Globalization.CultureInfo.InvariantCulture);

        // Every statement finds its rows by key. What the planner believes of tables that were empty a moment ago must not make it read them whole.
        _connections = store.OwnConnections(
            "append", $"idle_in_transaction_session_timeout={Milliseconds(store.Options.AppendIdleMax)}", $"lock_timeout={Milliseconds(Limits.AppendLockMax)}", "enable_seqscan=off", "enable_hashjoin=off", "enable_mergejoin=off", "jit=off");
        _loop = Task.Run(RunAsync);
    }

    /// <summary>The definitions in force here, and their generation. Null: whatever the batches say.</summary>
    public DefinitionsInForce? Definitions { get; set; }

    /// <summary>Called when an append has met another generation of definitions than this silo's.</summary>
    public Action<long>? DefinitionsMoved { get; set; }

    /// <summary>Takes no more, appends what waits, and ends; where PostgreSQL is away, at once.</summary>
    public async ValueTask DisposeAsync()
    {
        _queue.Complete();
        await _closing.CancelAsync();
        await _loop;
        await DisconnectAsync();
        await _connections.DisposeAsync();
        _closing.Dispose();
    }

    private async Task RunAsync()
    {
        List<PendingAppend> group = [];
        try
        {
            while (await _queue.TakeAsync() is { } taken)
            {
                group = taken;
                await AppendOrFailAsync(group);
                _queue.Release(group);
                if (_connection is null)
                {
                    await ReconnectAsync();
                }
            }
        }
        catch (OperationCanceledException) when (_closing.IsCancellationRequested)
        {
            // The log is closed while PostgreSQL is away. What was queued behind the batches that found it away has not been told yet.
            _queue.Close(new LogUnavailableException("the log was closed while PostgreSQL could not be reached; nothing of the batch was appended. Send it again: with the same ids nothing counts twice."));
        }
        catch (Exception failure)
        {
            // The top of the loop, and nothing known comes here. Without it whoever appends would wait for an answer that nobody gives any more. They are told first: it may be the logger that fails.
            var told = new LogUnavailableException($"appends have ended unexpectedly ({failure.Message}); start this process anew, and send the batch again: with the same ids nothing counts twice", failure);
            _queue.Close(told);
            group.ForEach(append => append.Fail(told));
            _logger.AppendsEnded(failure.Message, failure);
        }
    }

    private async Task AppendOrFailAsync(List<PendingAppend> group)
    {
        try
        {
            await AppendAsync(group);
        }
        catch (Exception failure) when (group.Count > 1 && failure is LogCorruptException or InvariantException or ArgumentException)
        {
            // It is one batch's trouble: a version that it corrects cannot be read, say. Its neighbours shall not fail with it, again and again as it is repeated.
            foreach (PendingAppend append in group)
            {
                await AppendOrFailAsync([append]);
            }
        }
        catch (Exception failure)
        {
            // The top of the loop: whatever it was, these batches have failed and the next may not.
            await FailAsync(group, failure);
        }
    }

    private async Task AppendAsync(List<PendingAppend> group)
    {
        AppendTransaction transaction = await BeginAsync(group);
        try
        {
            _producersKnown = transaction.Head.Next - 1;
            RequireDefinitions(group, transaction.Head.Generation);
            List<PartitionBatch> appended = await transaction.CompleteAsync(CancellationToken.None);
            _producersKnown = Publish(transaction.Head, appended);
            group.ForEach(append => append.Succeed());
        }
        catch (Exception) when (!transaction.IsCommitting && _connection is { State: System.Data.ConnectionState.Open })
        {
            await RollBackAsync();
            throw;
        }
        finally
        {
            transaction.Forget();
        }
    }

    /// <summary>A connection that broke while nobody used it is not the batches' fault: nothing has been done yet, so it is tried once more with a new one.</summary>
    private async Task<AppendTransaction> BeginAsync(List<PendingAppend> group)
    {
        bool isOld = _connection is not null;
        try
        {
            return await BeginOnceAsync(group);
        }
        catch (Exception failure) when (isOld && IsOfTheWorld(failure) && (_connection is null or { State: not System.Data.ConnectionState.Open } || IsShutdown(failure)))
        {
            await DisconnectAsync();
            return await BeginOnceAsync(group);
        }
    }

    private async Task<AppendTransaction> BeginOnceAsync(List<PendingAppend> group)
    {
        _connection ??= await _connections.OpenConnectionAsync();
        var transaction = new AppendTransaction(_connection, _store, _intake, _presence, _time, group);
        bool isBegun = false;
        try
        {
            await transaction.BeginAsync(_producersKnown, CancellationToken.None);
            isBegun = true;
            return transaction;
        }
        finally
        {
            if (!isBegun)
            {
                transaction.Forget();
            }
        }
    }

    /// <summary>Tells what is durable now, before any of the batches is acknowledged further up: a duplicate's token covers all that this append saw. Returns the last sequence.</summary>
    private long Publish(LogHead before, List<PartitionBatch> appended)
    {
        _positions.Advance(before);
        if (appended.Count == 0)
        {
            return before.Next - 1;
        }

        long last = before.Next - 1 + appended.Sum(batch => batch.Last.Value - batch.First.Value + 1);
        _positions.Advance(new LogSequence(last), appended.Select(batch => (batch.Partition.Value, batch.Last.Value)));
        _appended(appended);
        return last;
    }

    private void RequireDefinitions(List<PendingAppend> group, long generation)
    {
        if (Definitions is not { } definitions)
        {
            return;
        }

        if (definitions.Generation != generation)
        {
            DefinitionsMoved?.Invoke(generation);
            throw new DefinitionsChangedException();
        }

        if (group.Exists(append => append.Catalog is { } catalog && catalog != definitions.Catalog))
        {
            throw new DefinitionsChangedException();
        }
    }

    private async Task FailAsync(List<PendingAppend> group, Exception failure)
    {
        Exception told = failure;
        if (IsOfTheWorld(failure))
        {
            // Whatever state it is in: a new one is in none.
            await DisconnectAsync();
            told = failure is PostgresException { SqlState: PostgresErrorCodes.DiskFull }
                ? new LogFullException("PostgreSQL", group.Sum(append => append.Bytes), failure)
                : new LogUnavailableException($"PostgreSQL did not take the append ({failure.Message}). It may or may not be found in the log; send the batch again: with the same ids nothing counts twice.", failure);
            _logger.AppendFailed(failure.Message);
        }

        else if (_connection is { State: not System.Data.ConnectionState.Open })
        {
            await DisconnectAsync();
        }

        group.ForEach(append => append.Fail(told));
    }

    /// <summary>Until PostgreSQL is there again. The first attempt comes at once: most often only the connection was lost; what comes meanwhile waits for its end.</summary>
    private async Task ReconnectAsync()
    {
        TimeSpan pause = Limits.ReconnectMin;
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                _connection = await _connections.OpenConnectionAsync(_closing.Token);
                _queue.Open();
                if (attempt > 1)
                {
                    _logger.AppendsResumed(attempt);
                }

                return;
            }
            catch (Exception failure) when (failure is not OperationCanceledException || !_closing.IsCancellationRequested)
            {
                // Whatever it was: a loop that ends here would append nothing any more when PostgreSQL is back.
                _queue.Close(new LogUnavailableException($"PostgreSQL cannot be reached ({failure.Message}); nothing of the batch was appended. It is tried again by itself; send the batch again later.", failure));
                await Task.Delay(pause, _time, _closing.Token);
                pause = pause * 2 < Limits.ReconnectMax ? pause * 2 : Limits.ReconnectMax;
            }
        }
    }

    private async Task RollBackAsync()
    {
        try
        {
            await using var rollback = new NpgsqlCommand(AppendStatements.Rollback, _connection);
            await rollback.ExecuteNonQueryAsync();
        }
        catch (Exception failure) when (IsOfTheWorld(failure))
        {
            // A connection that is closed is rolled back too.
            await DisconnectAsync();
        }
    }

    private async Task DisconnectAsync()
    {
        if (_connection is { } connection)
        {
            _connection = null;
            await connection.DisposeAsync();
        }
    }

    private static bool IsShutdown(Exception failure) => failure is PostgresException { SqlState: PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown or PostgresErrorCodes.CannotConnectNow };

    /// <summary>PostgreSQL, the network, or a wait for them.</summary>
    private static bool IsOfTheWorld(Exception failure) => failure is DbException or TimeoutException or IOException or System.Net.Sockets.SocketException;
}

/// <summary>A catalog and the generation that it is of.</summary>
internal sealed record DefinitionsInForce(Catalog Catalog, long Generation);
