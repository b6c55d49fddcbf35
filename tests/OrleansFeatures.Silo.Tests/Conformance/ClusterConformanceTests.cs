using OrleansFeatures.Conformance;
using OrleansFeatures.Domain.Definitions;

namespace OrleansFeatures.Silo.Tests.Conformance;

// The contract of IEntityHost, on silos of Orleans over a real PostgreSQL: one class for each topic, as the embedded host has it.
public sealed class ClusterStores : IStores
{
    /// <summary>A cluster takes a second or two to start, and as long again for each restart; the tests' share of events is small beside that.</summary>
    public static double Scale => 0.3;

    public static async Task<ConformanceStore> OpenAsync(Catalog catalog) => await ConformanceCluster.OpenAsync(catalog);
}

public sealed class ClusterAppendTests : AppendConformance<ClusterStores>;

public sealed class ClusterLatenessTests : LatenessConformance<ClusterStores>;

public sealed class ClusterMaxAgeTests : MaxAgeConformance<ClusterStores>;

public sealed class ClusterCorrectionTests : CorrectionConformance<ClusterStores>;

public sealed class ClusterMixedCorrectionTests : MixedCorrectionConformance<ClusterStores>;

public sealed class ClusterClockTests : ClockConformance<ClusterStores>;

public sealed class ClusterReadTests : ReadConformance<ClusterStores>;

public sealed class ClusterPartialTests : PartialConformance<ClusterStores>;

public sealed class ClusterRestartTests : RestartConformance<ClusterStores>;

public sealed class ClusterDefinitionTests : DefinitionConformance<ClusterStores>;

public sealed class ClusterReconcileTests : ReconcileConformance<ClusterStores>;

public sealed class ClusterExplainTests : ExplainConformance<ClusterStores>;

public sealed class ClusterStatusTests : StatusConformance<ClusterStores>;

public sealed class ClusterRandomStreamTests : RandomStreamConformance<ClusterStores>;

public sealed class ClusterFollowTests : FollowConformance<ClusterStores>;
