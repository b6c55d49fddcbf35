using System.Net;
using Microsoft.Extensions.Logging;
using OrleansFeatures.Gateway.Admission;
using OrleansFeatures.Gateway.Hosting;
using OrleansFeatures.Silo.Upstream;

namespace OrleansFeatures.Silo;

/// <summary>Everything a silo is told. What several silos share (store, cluster, partitions, budgets of time) must be the same for all of them.</summary>
public sealed record SiloOptions
{
    /// <summary>Npgsql's connection string of the database that holds log, state and definitions. A direct connection, or a pooler in session mode.</summary>
    public required string Postgres { get; init; }

    /// <summary>StackExchange.Redis's configuration of the server that holds the cluster's members, and nothing else.</summary>
    public required string Redis { get; init; }

    /// <summary>The schema of the store's tables.</summary>
    public string Schema { get; init; } = "orleans_features";

    /// <summary>Silos with the same id, and the same <see cref="ServiceId"/>, are one cluster.</summary>
    public string ClusterId { get; init; } = "orleans-features";

    /// <summary>Names the cluster's members and grain state across deployments.</summary>
    public string ServiceId { get; init; } = "orleans-features";

    /// <summary>How this silo is called in tables and dashboards. Null: the host's name and the silo port.</summary>
    public string? SiloName { get; init; }

    /// <summary>Where all ports of this silo listen. Default: loopback, because there is no authentication.</summary>
    public IPAddress Listen { get; init; } = IPAddress.Loopback;

    /// <summary>Where other silos find this one. Null: where it listens.</summary>
    public IPAddress? Advertise { get; init; }

    /// <summary>For other silos.</summary>
    public int SiloPort { get; init; } = Limits.DefaultSiloPort;

    /// <summary>For Orleans clients; 0: none, because the store's clients speak gRPC.</summary>
    public int OrleansGatewayPort { get; init; }

    /// <summary>gRPC without TLS (h2c); 0 takes a free port.</summary>
    public required int GrpcPort { get; init; }

    /// <summary>REST, health, metrics, console and dashboard; 0 takes a free port.</summary>
    public required int HttpPort { get; init; }

    /// <summary>A feature repository to make live at start, unless it is; null keeps what is live.</summary>
    public string? DefinitionsDirectory { get; init; }

    /// <summary>Of the log. Taken when the store is made; a store with another number refuses.</summary>
    public int Partitions { get; init; } = Limits.PartitionsDefault;

    /// <summary>What the entities in this silo's memory may take; beyond it the oldest events of the largest are summed up.</summary>
    public long MemoryBudgetBytes { get; init; } = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 2;

    /// <summary>What the rows of one entity may take.</summary>
    public long EntityBudgetBytes { get; init; } = Entities.Limits.EntityBudgetBytesDefault;

    public TimeSpan CheckpointInterval { get; init; } = Limits.CheckpointEvery;

    /// <summary>Entities that nobody wants for so long leave memory.</summary>
    public TimeSpan EntityIdleAfter { get; init; } = Limits.EntityIdleAfter;

    /// <summary>How long raw history is kept; null: for ever.</summary>
    public TimeSpan? RawHistory { get; init; }

    /// <summary>How far behind stream time ids of events are remembered at least.</summary>
    public TimeSpan DedupeHorizon { get; init; } = Entities.Limits.DedupeHorizonDefault;

    /// <summary>How long answers that were given under a prediction id are watched. Of the store: the silo that has the turn lets go by its own.</summary>
    public TimeSpan PredictionHistory { get; init; } = Gateway.Limits.PredictionHistoryDefault;

    /// <summary>Producers that may state when their events arrived; <c>*</c> is everyone.</summary>
    public IReadOnlyCollection<string> BackfillProducers { get; init; } = [];

    /// <summary>Origins whose pages may use REST from a browser; <c>*</c> is every page. Default: none.</summary>
    public IReadOnlyCollection<string> CorsOrigins { get; init; } = [];

    /// <summary>From "not ready" to the first refused call when the silo leaves.</summary>
    public TimeSpan LeaveGrace { get; init; } = Limits.LeaveGraceDefault;

    /// <summary>From the request to stop to its end at the latest; what is not done by then is left as a crash would leave it.</summary>
    public TimeSpan DrainMax { get; init; } = Limits.DrainMaxDefault;

    /// <summary>From start to ready at the latest.</summary>
    public TimeSpan StartTimeout { get; init; } = Limits.StartTimeoutDefault;

    /// <summary>Orleans's dashboard at /orleans.</summary>
    public bool Dashboard { get; init; } = true;

    /// <summary>Kubernetes is asked which pods are gone, so that their silos are declared dead at once. Only in builds with it.</summary>
    public bool Kubernetes { get; init; }

    /// <summary>Pods whose silo was declared dead are deleted.</summary>
    public bool KubernetesDeletesPods { get; init; }

    /// <summary>The event hub that is read, beside what is pushed. Only in builds with it.</summary>
    public EventHubSource? EventHub { get; init; }

    public LogLevel LogLevel { get; init; } = LogLevel.Warning;

    /// <summary>What clients may hold without saying anything.</summary>
    public ConnectionLimits Connections { get; init; } = ConnectionLimits.OfThisProcess();

    /// <summary>How much may be under way at once at this silo's gateway.</summary>
    public AdmissionLimits Admission { get; init; } = new();

    /// <summary>Tests put into the silo, or take out of it, what is theirs.</summary>
    internal Action<ISiloBuilder>? Also { get; init; }

    /// <summary>What other silos connect to.</summary>
    internal IPAddress Advertised => Advertise ?? Listen;

    internal string Name => SiloName ?? $"{Environment.MachineName}:{SiloPort}";
}
