using Microsoft.Extensions.Logging;
using OrleansFeatures.Entities.Embedded;
using OrleansFeatures.Gateway.Metadata;
using OrleansFeatures.Gateway.Registry;

namespace OrleansFeatures.Server.Hosting;

/// <summary>
/// What a data directory holds, open: the definitions that are live, and the entities over the log.
/// <code>
///   DIR/metadata.db   definitions, quarantine
///   DIR/log/          the event log
///   DIR/state/        checkpoints of the entities
/// </code>
/// </summary>
internal sealed class Store : IAsyncDisposable
{
    private Store(MetadataDatabase metadata, DefinitionRegistry registry, EmbeddedHost host)
    {
        Metadata = metadata;
        Registry = registry;
        Host = host;
    }

    public MetadataDatabase Metadata { get; }

    public DefinitionRegistry Registry { get; }

    public EmbeddedHost Host { get; }

    /// <summary>Opens the directory and, when the options name a feature repository, makes it live unless that would break somebody.</summary>
    /// <exception cref="ServerStartException">The definitions are wrong, or contradict what is live.</exception>
    public static async Task<Store> OpenAsync(ServeOptions options, ILogger logger, CancellationToken cancellationToken)
    {
        MetadataDatabase metadata = SqliteMetadata.Open(options.DataDirectory);
        EmbeddedHost? host = null;
        Store? store = null;
        try
        {
            var registry = new DefinitionRegistry(metadata, TimeProvider.System);
            DefinitionPlan? plan = options.DefinitionsDirectory is null ? null : RepositoryPlan.Of(registry, options.DefinitionsDirectory);
            var hostOptions = new EmbeddedHostOptions
            {
                LogDirectory = Path.Combine(options.DataDirectory, "log"),
                StateDirectory = Path.Combine(options.DataDirectory, "state"),
                MemoryBudgetBytes = options.MemoryBudgetBytes,
                EntityBudgetBytes = options.EntityBudgetBytes,
                CheckpointInterval = options.CheckpointInterval,
                CheckpointLogBytes = options.CheckpointLogBytes,
                EntityIdleAfter = options.EntityIdleAfter,
                RawHistory = options.RawHistory,
                DedupeHorizon = options.DedupeHorizon,
                SkipDamage = options.SkipDamage,
            };
            host = await Task.Run(() => EmbeddedHost.StartAsync(options.Device, hostOptions, registry.Live.Catalog, TimeProvider.System, logger, cancellationToken), cancellationToken).ConfigureAwait(false);
            if (plan is not null)
            {
                using var changes = new DefinitionChanges(registry, host);
                await changes.ApplyAsync(plan, "serve --definitions", cancellationToken).ConfigureAwait(false);
            }

            return store = new Store(metadata, registry, host);
        }
        finally
        {
            if (store is null)
            {
                await (host?.DisposeAsync() ?? ValueTask.CompletedTask).ConfigureAwait(false);
                metadata.Dispose();
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Host.DisposeAsync().ConfigureAwait(false);
        Metadata.Dispose();
    }
}
