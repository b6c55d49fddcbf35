using Npgsql;
using OrleansFeatures.Log;

namespace OrleansFeatures.Postgres.States;

/// <summary>
/// Loads by key that share queries. A load joins a line; while a few queries are under way the line grows, and the next query takes as much of it as it may: nobody waits for others to come, yet the busier it
/// is, the more loads a query carries.
/// <code>
///   line   k9 k8 k7 k6 k5 |        query 1: k1        alone, nothing else was there
///                                  query 2: k2 k3 k4  came while 1 was under way
/// </code>
/// Any thread may call.
/// </summary>
internal sealed class EntityLoads(NpgsqlDataSource source, int waitingMax = Limits.LoadsWaitingMax)
{
    private readonly Lock _gate = new();
    private readonly Queue<Waiter> _waiting = new();
    private int _loaders;
    private long _queries;

    /// <summary>Queries so far.</summary>
    public long Queries => Interlocked.Read(ref _queries);

    public async ValueTask<EntityRow?> LoadAsync(long generation, PartitionId partition, uint entityType, ReadOnlyMemory<byte> key, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var waiter = new Waiter(generation, partition.Value, entityType, key);
        if (Join(waiter))
        {
            _ = Task.Run(RunAsync, CancellationToken.None);
        }

        using CancellationTokenRegistration gaveUp = cancellationToken.UnsafeRegister(static (state, token) => ((Waiter)state!).TrySetCanceled(token), waiter);
        return await waiter.Task.ConfigureAwait(false);
    }

    /// <summary>Whether one more loader is to run.</summary>
    private bool Join(Waiter waiter)
    {
        lock (_gate)
        {
            if (_waiting.Count >= waitingMax)
            {
                throw new StatesException($"{_waiting.Count:N0} loads of entities wait for PostgreSQL already: try again in a moment, and look at what keeps the database busy") { IsTransient = true };
            }

            _waiting.Enqueue(waiter);
            if (_loaders == Limits.LoadQueriesAtOnce)
            {
                return false;
            }

            _loaders++;
            return true;
        }
    }

    /// <summary>Ends when nobody waits.</summary>
    private async Task RunAsync()
    {
        for (List<Waiter> next = Next(); next.Count > 0; next = Next())
        {
            Interlocked.Increment(ref _queries);
            try
            {
                await StatesFailure.TellAsync("loading entities", () => QueryAsync(next)).ConfigureAwait(false);
            }
            catch (Exception failure)
            {
                // The top of a loop that all loads share: whatever it is, it is told to those who asked, and the others go on.
                next.ForEach(waiter => waiter.TrySetException(failure));
            }
        }
    }

    private List<Waiter> Next()
    {
        var next = new List<Waiter>();
        lock (_gate)
        {
            while (next.Count < Limits.LoadsPerQuery && _waiting.TryDequeue(out Waiter? waiter))
            {
                if (!waiter.Task.IsCompleted)
                {
                    next.Add(waiter);
                }
            }

            if (next.Count == 0)
            {
                _loaders--;
            }
        }

        return next;
    }

    private async Task<bool> QueryAsync(List<Waiter> waiters)
    {
        await using NpgsqlConnection connection = await source.OpenConnectionAsync().ConfigureAwait(false);
        await using var batch = new NpgsqlBatch(connection) { BatchCommands = { new NpgsqlBatchCommand(StateStatements.ProbeOnly), Command(waiters) } };
        await batch.PrepareAsync().ConfigureAwait(false);
        await using (NpgsqlDataReader reader = await batch.ExecuteReaderAsync().ConfigureAwait(false))
        {
            await reader.NextResultAsync().ConfigureAwait(false);
            while (await reader.ReadAsync().ConfigureAwait(false))
            {
                Waiter waiter = waiters[(int)reader.GetInt64(0) - 1];
                waiter.TrySetResult(new EntityRow(waiter.EntityType, waiter.Key, reader.GetInt64(1), reader.GetInt16(2), reader.GetFieldValue<byte[]>(3)));
            }
        }

        // Only now: an answer that was cut off in the middle says nothing about those that were still to come.
        waiters.ForEach(waiter => waiter.TrySetResult(null));
        return true;
    }

    private static NpgsqlBatchCommand Command(List<Waiter> waiters) => new(StateStatements.Load)
    {
        Parameters =
        {
            StateStatements.Value(waiters.Select(waiter => waiter.Generation).ToArray()),
            StateStatements.Value(waiters.Select(waiter => waiter.Partition).ToArray()),
            StateStatements.Value(waiters.Select(waiter => unchecked((int)waiter.EntityType)).ToArray()),
            StateStatements.Value(waiters.Select(waiter => waiter.Key).ToArray()),
        },
    };

    private sealed class Waiter(long generation, int partition, uint entityType, ReadOnlyMemory<byte> key) : TaskCompletionSource<EntityRow?>(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public long Generation => generation;

        public int Partition => partition;

        public uint EntityType => entityType;

        public ReadOnlyMemory<byte> Key => key;
    }
}
