using Microsoft.Extensions.Logging;
using Npgsql;
using OrleansFeatures.Log;

namespace OrleansFeatures.Postgres.States;

/// <summary>
/// Takes partitions over. One statement raises the epoch; what takes time is a former owner's write that has the row locked.
/// <code>
///   former owner   --- locks the row -------- commits           the usual case: waited for, some milliseconds
///                  --- locks the row -------- (stopped here)    a process that was suspended, a machine that is gone: PostgreSQL would keep its lock until TCP gives the connection up
///   new owner             waits ............ ends that session   after <see cref="Limits.AcquirePatience"/>
/// </code>
/// A write that is ended so was never acknowledged, and its owner is about to be fenced.
/// </summary>
internal sealed class Acquisitions(NpgsqlDataSource source, ILogger logger)
{
    private readonly SemaphoreSlim _turns = new(Limits.AcquisitionsAtOnce);

    /// <summary>Null: states of a newer generation exist.</summary>
    public async Task<PartitionClaim?> AcquireAsync(PartitionId partition, string owner, long generation, CancellationToken cancellationToken)
    {
        await _turns.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await AcquireNowAsync(partition, owner, generation, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _turns.Release();
        }
    }

    private async Task<PartitionClaim?> AcquireNowAsync(PartitionId partition, string owner, long generation, CancellationToken cancellationToken)
    {
        await using NpgsqlConnection connection = await source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        int process = connection.ProcessID;
        Task<PartitionClaim?> claiming = ClaimAsync(connection, partition, owner, generation, cancellationToken);
        while (await Task.WhenAny(claiming, Task.Delay(Limits.AcquirePatience, cancellationToken)).ConfigureAwait(false) != claiming && !cancellationToken.IsCancellationRequested)
        {
            await EndBlockersAsync(partition, process, cancellationToken).ConfigureAwait(false);
        }

        return await claiming.ConfigureAwait(false);
    }

    private async Task<PartitionClaim?> ClaimAsync(NpgsqlConnection connection, PartitionId partition, string owner, long generation, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(StateStatements.Acquire, connection)
        {
            Parameters = { StateStatements.Value(partition.Value), StateStatements.Value(owner), StateStatements.Value(generation) },
        };
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        return await reader.ReadAsync(cancellationToken).ConfigureAwait(false)
            ? new PartitionClaim(partition, reader.GetInt64(0), generation, new LogOffset(reader.GetInt64(1)))
            : null;
    }

    private async Task EndBlockersAsync(PartitionId partition, int process, CancellationToken cancellationToken)
    {
        try
        {
            await using NpgsqlCommand command = source.CreateCommand(StateStatements.EndBlockers);
            command.Parameters.Add(StateStatements.Value(process));
            long ended = await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false) is long count ? count : 0;
            if (ended > 0)
            {
                logger.BlockersEnded(partition.Value, ended, Limits.AcquirePatience);
            }
        }
        catch (NpgsqlException failure)
        {
            // Who blocks may end by itself; acquiring goes on waiting, and its caller's token bounds that.
            logger.BlockersStay(partition.Value, failure);
        }
        catch (OperationCanceledException)
        {
            // Then the claim is cancelled as well, and its end is what is told.
        }
    }
}
