using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Gateway.Metadata;
using OrleansFeatures.Gateway.Registry;

namespace OrleansFeatures.Silo;

/// <summary>The cluster's definitions as the registry in PostgreSQL has them: its generation is the cluster's, and a commit raises the log's in the same transaction.</summary>
public sealed class RegistryDefinitions(DefinitionRegistry registry, string silo) : IClusterDefinitions
{
    private readonly Lock _taking = new();
    private volatile ClusterDefinitions _current = Of(registry.Live);

    public ClusterDefinitions Current => _current;

    public Action<ClusterDefinitions>? Taken { get; set; }

    /// <exception cref="MetadataException">PostgreSQL cannot be asked, or this version refuses the definitions that are live there.</exception>
    public Task<ClusterDefinitions> RefreshAsync(CancellationToken cancellationToken) => Task.Run(
        () =>
        {
            registry.Refresh();
            return Take();
        },
        cancellationToken);

    public Task<ClusterDefinitions> ReplaceAsync(Catalog next, Action commit, CancellationToken cancellationToken) => Task.Run(
        () =>
        {
            commit();
            if (next == _current.Catalog && !registry.TryRenew($"a replay, asked for at {silo}"))
            {
                // Another silo was first: what it has made live is a new generation too.
                registry.Refresh();
            }

            return Take();
        },
        cancellationToken);

    private ClusterDefinitions Take()
    {
        lock (_taking)
        {
            LiveDefinitions live = registry.Live;
            if (live.Generation != _current.Generation)
            {
                ClusterDefinitions newer = Of(live);
                Taken?.Invoke(newer);
                _current = newer;
            }

            return _current;
        }
    }

    private static ClusterDefinitions Of(LiveDefinitions live) => new(live.Generation, live.Catalog);
}
