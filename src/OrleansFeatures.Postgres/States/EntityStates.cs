using Microsoft.Extensions.Logging;
using Npgsql;
using OrleansFeatures.Log;

namespace OrleansFeatures.Postgres.States;

/// <summary>
/// Entity states in PostgreSQL, written by one owner of each partition at a time.
/// <code>
///   acquire      epoch 7 -> 8               whoever held 7 can write nothing from here on
///   checkpoint   epoch = 8 and applied = 100?   no: FencedException, nothing written
///                applied := 180, rows of every entity that changed in 101..180      one transaction
/// </code>
/// The compare-and-set on the partition's row comes first and locks the row until the commit: a checkpoint and an acquisition of one partition never overlap. Rows give way to higher versions only,
/// so not even the owner itself, repeating a checkpoint whose answer was lost, can put an older state over a newer one.
/// Any thread may call. Failures of PostgreSQL are <see cref="StatesException"/>; everything may be asked for again.
/// </summary>
public sealed class EntityStates
{
    private readonly NpgsqlDataSource _source;
    private readonly Acquisitions _acquisitions;
    private readonly EntityLoads _loads;
    private readonly OlderRows _olderRows;
    private readonly SemaphoreSlim _checkpoints = new(Limits.CheckpointsAtOnce);

    public EntityStates(PostgresStore store, ILogger logger)
    {
        _source = store.DataSource;
        _acquisitions = new Acquisitions(_source, logger);
        _loads = new EntityLoads(_source);
        _olderRows = new OlderRows(_source, logger);
    }

    /// <summary>
    /// Makes <paramref name="owner"/> the partition's only writer by raising its epoch, and tells from where to go on. With a generation that is newer than the partition's, it begins anew before the first record.
    /// A write of the former owner that is under way is waited for, for <see cref="Limits.AcquirePatience"/>; then its connection is ended: it may belong to a process that was stopped in the middle.
    /// </summary>
    /// <exception cref="FencedException">States of a newer generation exist: this process has to take up the newer definitions first.</exception>
    /// <exception cref="StatesException">PostgreSQL failed; whether the epoch was raised is unknown, and does not matter.</exception>
    public async Task<PartitionClaim> AcquireAsync(PartitionId partition, string owner, long generation, CancellationToken cancellationToken) =>
        await StatesFailure.TellAsync($"acquiring partition {partition}", () => _acquisitions.AcquireAsync(partition, owner, generation, cancellationToken)).ConfigureAwait(false)
            ?? throw new FencedException(partition, $"its states are of definitions newer than generation {generation}, which {owner} has; it must take up the newer definitions first");

    /// <summary>An entity's row, or null when it has none. Loads that wait at the same time share a query. Cancelling gives up this load only.</summary>
    /// <exception cref="StatesException">PostgreSQL failed, or <see cref="Limits.LoadsWaitingMax"/> loads wait already.</exception>
    public ValueTask<EntityRow?> LoadAsync(long generation, PartitionId partition, uint entityType, ReadOnlyMemory<byte> key, CancellationToken cancellationToken) =>
        _loads.LoadAsync(generation, partition, entityType, key, cancellationToken);

    /// <summary>
    /// Writes rows, and that everything through <paramref name="to"/> is in them, in one transaction: all or nothing. <paramref name="from"/> is where this owner's newest durable checkpoint ends, or the claim's
    /// <see cref="PartitionClaim.Applied"/>; <paramref name="to"/> may be the same. The rows hold every entity that a record in between has changed, each at the version of its last one or later.
    /// When it is durable, some rows of older generations are deleted, which nobody reads any more.
    /// After a failure or a cancellation either all or nothing of it is durable; the next checkpoint repeats it with the same <paramref name="from"/>, the same rows or newer, and the same <paramref name="to"/> or a later one.
    /// </summary>
    /// <exception cref="FencedException">The partition has another owner, newer definitions, or is elsewhere than this owner believes. Nothing was written.</exception>
    /// <exception cref="ArgumentException">The same entity twice, a key or state beyond its limit, or <paramref name="to"/> before <paramref name="from"/>.</exception>
    /// <exception cref="StatesException">PostgreSQL failed.</exception>
    public async Task CheckpointAsync(PartitionClaim claim, LogOffset from, LogOffset to, IReadOnlyList<EntityRow> rows, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(to.Value, from.Value, nameof(to));
        EntityRow[] ordered = CheckpointRows.InOrder(rows);
        await _checkpoints.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await StatesFailure.TellAsync($"a checkpoint of partition {claim.Partition}", () => WriteAsync(claim, from, to, ordered, cancellationToken)).ConfigureAwait(false);
            await _olderRows.ForgetSomeAsync(claim).ConfigureAwait(false);
        }
        finally
        {
            _checkpoints.Release();
        }
    }

    /// <summary>Those of the claims that still stand, in one query: nobody has acquired their partitions since.</summary>
    /// <exception cref="StatesException">PostgreSQL failed.</exception>
    public Task<IReadOnlyList<PartitionClaim>> ConfirmAsync(IReadOnlyList<PartitionClaim> claims, CancellationToken cancellationToken) => StatesFailure.TellAsync("confirming claims", async () =>
    {
        var standing = new List<PartitionClaim>(claims.Count);
        if (claims.Count == 0)
        {
            return (IReadOnlyList<PartitionClaim>)standing;
        }

        await using NpgsqlConnection connection = await _source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using var command = new NpgsqlCommand(StateStatements.Confirm, connection)
        {
            Parameters =
            {
                StateStatements.Value(claims.Select(claim => claim.Partition.Value).ToArray()),
                StateStatements.Value(claims.Select(claim => claim.Epoch).ToArray()),
                StateStatements.Value(claims.Select(claim => claim.Generation).ToArray()),
            },
        };
        await command.PrepareAsync(cancellationToken).ConfigureAwait(false);
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            standing.Add(claims[(int)reader.GetInt64(0) - 1]);
        }

        return standing;
    });

    /// <summary>Where every partition stands that was ever acquired, by number.</summary>
    /// <exception cref="StatesException">PostgreSQL failed.</exception>
    public Task<IReadOnlyList<PartitionStanding>> StandingsAsync(CancellationToken cancellationToken) => StatesFailure.TellAsync("listing partitions", async () =>
    {
        var standings = new List<PartitionStanding>();
        await using NpgsqlCommand command = _source.CreateCommand(StateStatements.Standings);
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            standings.Add(new PartitionStanding(new PartitionId(reader.GetInt32(0)), reader.GetInt64(1), reader.GetInt64(2), new LogOffset(reader.GetInt64(3)), reader.GetString(4)));
        }

        return (IReadOnlyList<PartitionStanding>)standings;
    });

    private async Task<bool> WriteAsync(PartitionClaim claim, LogOffset from, LogOffset to, EntityRow[] rows, CancellationToken cancellationToken)
    {
        await using NpgsqlConnection connection = await _source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellationToken).ConfigureAwait(false);
        if (!await MoveAsync(connection, claim, from, to, cancellationToken).ConfigureAwait(false))
        {
            throw new FencedException(claim.Partition, await WhyAsync(connection, claim, from, cancellationToken).ConfigureAwait(false));
        }

        if (rows.Length > 0)
        {
            await using NpgsqlBatch batch = CheckpointRows.Batch(connection, StateStatements.Upsert, claim, rows);
            await batch.PrepareAsync(cancellationToken).ConfigureAwait(false);
            await batch.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
        }

        // Not cancelled any more: it ends in a moment, and then its outcome is known.
        await transaction.CommitAsync(CancellationToken.None).ConfigureAwait(false);
        return true;
    }

    private async Task<bool> MoveAsync(NpgsqlConnection connection, PartitionClaim claim, LogOffset from, LogOffset to, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(StateStatements.Move, connection)
        {
            Parameters =
            {
                StateStatements.Value(claim.Partition.Value), StateStatements.Value(claim.Epoch), StateStatements.Value(claim.Generation),
                StateStatements.Value(from.Value), StateStatements.Value(to.Value),
            },
        };
        await command.PrepareAsync(cancellationToken).ConfigureAwait(false);
        return await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false) == 1;
    }

    private async Task<string> WhyAsync(NpgsqlConnection connection, PartitionClaim claim, LogOffset from, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(StateStatements.Standing, connection) { Parameters = { StateStatements.Value(claim.Partition.Value) } };
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        string mine = $"this owner has epoch {claim.Epoch}, generation {claim.Generation}, and its checkpoint through {from}";
        return await reader.ReadAsync(cancellationToken).ConfigureAwait(false)
            ? $"{reader.GetString(4)} owns it with epoch {reader.GetInt64(1)}, generation {reader.GetInt64(2)}, applied through {reader.GetInt64(3)}; {mine}"
            : $"nobody has acquired it; {mine}";
    }
}
