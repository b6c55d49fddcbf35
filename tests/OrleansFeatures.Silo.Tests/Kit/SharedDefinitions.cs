using Npgsql;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Postgres;

namespace OrleansFeatures.Silo.Tests.Kit;

/// <summary>Definitions that the silos of a test share in memory, where silos have them in the registry. Their generation is the log's, as there.</summary>
internal sealed class SharedDefinitions(Catalog first)
{
    private volatile ClusterDefinitions _live = new(0, first);

    public ClusterDefinitions Live => _live;

    /// <summary>One silo's sight of them.</summary>
    public IClusterDefinitions In(PostgresStore store) => new Sight(this, store);

    private sealed class Sight(SharedDefinitions shared, PostgresStore store) : IClusterDefinitions
    {
        private readonly Lock _gate = new();
        private volatile ClusterDefinitions _current = shared.Live;

        public ClusterDefinitions Current => _current;

        public Action<ClusterDefinitions>? Taken { get; set; }

        public Task<ClusterDefinitions> RefreshAsync(CancellationToken cancellationToken)
        {
            lock (_gate)
            {
                ClusterDefinitions live = shared.Live;
                if (live.Generation > _current.Generation)
                {
                    Taken?.Invoke(live);
                    _current = live;
                }

                return Task.FromResult(live);
            }
        }

        public async Task<ClusterDefinitions> ReplaceAsync(Catalog next, Action commit, CancellationToken cancellationToken)
        {
            commit();
            await using NpgsqlCommand command = store.DataSource.CreateCommand("UPDATE log_head SET definitions_generation = definitions_generation + 1 RETURNING definitions_generation");
            shared._live = new ClusterDefinitions((long)(await command.ExecuteScalarAsync(cancellationToken))!, next);
            return await RefreshAsync(cancellationToken);
        }
    }
}
