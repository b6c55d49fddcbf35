using OrleansFeatures.Silo.Upstream;

namespace OrleansFeatures.Silo.Hosting;

/// <summary>The place of what a build with <c>-p:Cloud=true</c> has beyond this one.</summary>
internal static class CloudParts
{
    public static bool AreBuilt => false;

    /// <exception cref="InvalidOperationException">Something is asked for that this build has not; whoever starts a silo looks at <see cref="AreBuilt"/> first.</exception>
    public static ISiloBuilder AddCloudParts(this ISiloBuilder silo, EventHubSource? hub, bool kubernetes, bool deletePods) => hub is null && !kubernetes
        ? silo
        : throw new InvalidOperationException($"this build has neither Event Hubs nor Kubernetes hosting ({hub}, pods deleted: {deletePods}): build with -p:Cloud=true");
}
