using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Npgsql;
using OrleansFeatures.Log;

namespace OrleansFeatures.Postgres.States;

/// <summary>
/// Rows of generations before the one that a partition is in: who wrote them is fenced, and nobody reads them. Each checkpoint deletes some, so that nobody waits long for it, until an owner has found none left; whoever
/// acquires the partition next looks once more, because the one before may not have come that far.
/// </summary>
internal sealed class OlderRows(NpgsqlDataSource source, ILogger logger)
{
    /// <summary>The epoch in which a partition was found to have none.</summary>
    private readonly ConcurrentDictionary<PartitionId, long> _cleared = new();

    /// <summary>Behind a checkpoint of this claim that is durable, so that the claim stood a moment ago and its generation is the partition's. Does not throw: what could not be deleted is deleted later.</summary>
    public async Task ForgetSomeAsync(PartitionClaim claim)
    {
        if (_cleared.TryGetValue(claim.Partition, out long epoch) && epoch == claim.Epoch)
        {
            return;
        }

        try
        {
            await using NpgsqlBatch batch = source.CreateBatch();
            var forget = new NpgsqlBatchCommand(StateStatements.Forget)
            {
                Parameters = { StateStatements.Value(claim.Partition.Value), StateStatements.Value(claim.Generation), StateStatements.Value(Limits.RowsForgottenAtOnce) },
            };
            batch.BatchCommands.Add(new NpgsqlBatchCommand(StateStatements.ProbeOnly));
            batch.BatchCommands.Add(forget);
            await batch.ExecuteNonQueryAsync().ConfigureAwait(false);
            if (forget.RecordsAffected == 0)
            {
                _cleared[claim.Partition] = claim.Epoch;
            }
        }
        catch (NpgsqlException failure)
        {
            logger.OlderRowsStay(claim.Partition.Value, failure.Message);
        }
    }
}
