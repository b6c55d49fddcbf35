using OrleansFeatures.Silo.Cloud;
using OrleansFeatures.Silo.Upstream;

namespace OrleansFeatures.Silo.Hosting;

/// <summary>What a build with <c>-p:Cloud=true</c> has beyond others. The other builds have CloudParts.Missing.cs in place of this file.</summary>
internal static class CloudParts
{
    public static bool AreBuilt => true;

    /// <summary>The event hub that is configured, if one is, and Kubernetes, if it is asked for.</summary>
    public static ISiloBuilder AddCloudParts(this ISiloBuilder silo, EventHubSource? hub, bool kubernetes, bool deletePods)
    {
        if (hub is not null)
        {
            silo.AddUpstream().AddEventHub(hub, UpstreamHosting.DeliverUpstream);
        }

        return kubernetes ? silo.AddKubernetes(deletePods) : silo;
    }
}
