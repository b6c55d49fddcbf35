using System.Net;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;
using Orleans.Dashboard;
using OrleansFeatures.Silo.Operations;

// Orleans marks the distributed directory and the rebalancer as experimental: their names may change with a version. Both were tried with the version that Directory.Packages.props pins.
#pragma warning disable ORLEANSEXP002, ORLEANSEXP003

namespace OrleansFeatures.Silo.Hosting;

/// <summary>What a silo of the store is to Orleans, setting by setting; what entities are is with <c>AddEntities</c>.</summary>
internal static class SiloHosting
{
    public static void Configure(ISiloBuilder silo, SiloOptions options, SiloStore store)
    {
        silo.Configure<Orleans.Configuration.ClusterOptions>(cluster => (cluster.ClusterId, cluster.ServiceId) = (options.ClusterId, options.ServiceId));
        silo.Configure<Orleans.Configuration.SiloOptions>(named => named.SiloName = options.Name);
        silo.Configure<EndpointOptions>(endpoint => Listen(endpoint, options));
        silo.UseRedisClustering(members =>
        {
            members.ConfigurationOptions = StackExchange.Redis.ConfigurationOptions.Parse(options.Redis);
            members.CreateMultiplexer = _ => Task.FromResult((store.Redis, true));
        });
        silo.Configure<ClusterMembershipOptions>(Watch);

        // The directory that Orleans has by default takes activations down everywhere when the silo that registered them leaves. This one hands its ranges over; without leases it lets two activations
        // of one grain live for a moment rather than none for half a minute, and epochs see to it that only one of them can write.
        silo.AddDistributedGrainDirectory();
        silo.Configure<GrainDirectoryOptions>(directory => directory.RangeLeaseDuration = TimeSpan.Zero);
        silo.Configure<GrainVersioningOptions>(Version);
        silo.AddActivationRebalancer();
        silo.AddRareStates(store.Cluster.Postgres);
        silo.AddEntities(store.Cluster, new ClusterHostOptions
        {
            EntityBudgetBytes = options.EntityBudgetBytes,
            MemoryBudgetBytes = options.MemoryBudgetBytes,
            CheckpointEvery = options.CheckpointInterval,
            RawHistory = options.RawHistory,
            DedupeHorizon = options.DedupeHorizon,
        });
        silo.Configure<GrainCollectionOptions>(collection => (collection.CollectionQuantum, collection.CollectionAge) = (Limits.CollectionQuantum, options.EntityIdleAfter));
        silo.AddGrainService<SiloReports>();
        silo.AddCloudParts(options.EventHub, options.Kubernetes, options.KubernetesDeletesPods);
        if (options.Dashboard)
        {
            // Its live log shows whatever the silo logs to whoever asks.
            silo.AddDashboard(dashboard => dashboard.HideTrace = true);
        }

        options.Also?.Invoke(silo);
    }

    private static void Listen(EndpointOptions endpoint, SiloOptions options)
    {
        endpoint.AdvertisedIPAddress = options.Advertised;
        endpoint.SiloPort = options.SiloPort;
        endpoint.GatewayPort = options.OrleansGatewayPort;
        endpoint.SiloListeningEndpoint = new IPEndPoint(options.Listen, options.SiloPort);
        if (options.OrleansGatewayPort != 0)
        {
            endpoint.GatewayListeningEndpoint = new IPEndPoint(options.Listen, options.OrleansGatewayPort);
        }
    }

    private static void Watch(ClusterMembershipOptions membership)
    {
        membership.ProbeTimeout = Limits.ProbeTimeout;
        membership.NumMissedProbesLimit = Limits.MissedProbesMax;
        membership.NumVotesForDeathDeclaration = Limits.DeathVotes;
        membership.TableRefreshTimeout = Limits.MembershipRefresh;
        membership.IAmAliveTablePublishTimeout = Limits.AliveInterval;
    }

    /// <summary>Where a grain lives is the partition plan's to say, and never its version's: <see cref="Versions"/>.</summary>
    private static void Version(GrainVersioningOptions versions)
    {
        versions.DefaultCompatibilityStrategy = nameof(Orleans.Versions.Compatibility.AllVersionsCompatible);
        versions.DefaultVersionSelectorStrategy = nameof(Orleans.Versions.Selector.AllCompatibleVersions);
    }
}
