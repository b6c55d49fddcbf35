using OrleansFeatures.Conformance;
using OrleansFeatures.Domain.Definitions;

namespace OrleansFeatures.Entities.Tests.Embedded;

// The contract of IEntityHost, on the embedded host: one class for each topic, so that they run side by side.
public sealed class EmbeddedStores : IStores
{
    public static double Scale => 1;

    public static async Task<ConformanceStore> OpenAsync(Catalog catalog) => await TestStore.OpenAsync(catalog);
}

public sealed class EmbeddedAppendTests : AppendConformance<EmbeddedStores>;

public sealed class EmbeddedLatenessTests : LatenessConformance<EmbeddedStores>;

public sealed class EmbeddedMaxAgeTests : MaxAgeConformance<EmbeddedStores>;

public sealed class EmbeddedCorrectionTests : CorrectionConformance<EmbeddedStores>;

public sealed class EmbeddedMixedCorrectionTests : MixedCorrectionConformance<EmbeddedStores>;

public sealed class EmbeddedClockTests : ClockConformance<EmbeddedStores>;

public sealed class EmbeddedReadTests : ReadConformance<EmbeddedStores>;

public sealed class EmbeddedPartialTests : PartialConformance<EmbeddedStores>;

public sealed class EmbeddedRestartTests : RestartConformance<EmbeddedStores>;

public sealed class EmbeddedDefinitionTests : DefinitionConformance<EmbeddedStores>;

public sealed class EmbeddedReconcileTests : ReconcileConformance<EmbeddedStores>;

public sealed class EmbeddedExplainTests : ExplainConformance<EmbeddedStores>;

public sealed class EmbeddedStatusTests : StatusConformance<EmbeddedStores>;

public sealed class EmbeddedRandomStreamTests : RandomStreamConformance<EmbeddedStores>;

public sealed class EmbeddedFollowTests : FollowConformance<EmbeddedStores>;
