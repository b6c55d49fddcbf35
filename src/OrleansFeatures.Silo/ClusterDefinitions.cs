using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Entities.Remote;

namespace OrleansFeatures.Silo;

/// <summary>Definitions as the cluster numbers them: each change is a new generation, and states, appends and reads say which they go by.</summary>
public sealed record ClusterDefinitions(long Generation, Catalog Catalog)
{
    /// <summary>What other silos ask for, resolved by these definitions.</summary>
    public RemoteSelections Selections { get; } = new(Catalog);
}

/// <summary>Where the cluster's definitions are kept. Any thread.</summary>
public interface IClusterDefinitions
{
    /// <summary>The newest that this silo has learned of. One object for each generation: plans are compared by reference.</summary>
    ClusterDefinitions Current { get; }

    /// <summary>Called with newer definitions when they are taken up, before <see cref="Current"/> names them.</summary>
    Action<ClusterDefinitions>? Taken { get; set; }

    /// <summary>Looks whether newer ones are live, and takes them up.</summary>
    Task<ClusterDefinitions> RefreshAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Makes other definitions live for the whole cluster, as the next generation: appends that were prepared under an older one are prepared anew. <paramref name="commit"/> records them; if it throws, the old ones stay.
    /// The same definitions again begin a new generation too, for a replay.
    /// </summary>
    Task<ClusterDefinitions> ReplaceAsync(Catalog next, Action commit, CancellationToken cancellationToken);
}
