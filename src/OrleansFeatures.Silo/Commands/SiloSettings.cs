using System.CommandLine;
using System.Net;
using Npgsql;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Gateway.Rest;
using OrleansFeatures.Server;
using OrleansFeatures.Server.Output;
using OrleansFeatures.Silo.Hosting;
using OrleansFeatures.Silo.Upstream;
using StackExchange.Redis;

namespace OrleansFeatures.Silo.Commands;

/// <summary>Everything <c>serve</c> can be told, and from what was said to <see cref="SiloOptions"/>. Options win over variables, variables over defaults.</summary>
internal static class SiloSettings
{
    private static readonly Setting Postgres = new("--postgres", "CONNECTION", "Connection string of the PostgreSQL database that holds the store. Give it by its variable: others can read command lines.", "ORLEANS_FEATURES_POSTGRES");
    private static readonly Setting Schema = new("--schema", "NAME", "Schema of the store's tables; created when missing.", "ORLEANS_FEATURES_POSTGRES_SCHEMA");
    private static readonly Setting Redis = new("--redis", "CONFIGURATION", "Redis that holds the cluster's members, as host:port.", "ORLEANS_FEATURES_REDIS");
    private static readonly Setting Cluster = new("--cluster-id", "NAME", "Silos with the same one are a cluster.", "ORLEANS_FEATURES_CLUSTER_ID");
    private static readonly Setting ServiceName = new("--service-id", "NAME", "The service that the cluster runs; stays when clusters come and go.", "ORLEANS_FEATURES_SERVICE_ID");
    private static readonly Setting Name = new("--silo-name", "NAME", "How this silo is called. The host's name and the silo port without it.", "ORLEANS_FEATURES_SILO_NAME", "POD_NAME");
    private static readonly Setting Listen = new("--listen", "ADDRESS", "Where all ports listen: 127.0.0.1 without it, because the store has no authentication.", "ORLEANS_FEATURES_LISTEN");
    private static readonly Setting Advertise = new("--advertise", "ADDRESS", "Where other silos find this one: where it listens without it.", "ORLEANS_FEATURES_ADVERTISE", "POD_IP");
    private static readonly Setting SiloPort = new("--silo-port", "PORT", $"For other silos. {Limits.DefaultSiloPort} without it.", "ORLEANS_FEATURES_SILO_PORT");
    private static readonly Setting GatewayPort = new("--gateway-port", "PORT", "For Orleans clients of your own; 0, as without it: none.", "ORLEANS_FEATURES_GATEWAY_PORT");
    private static readonly Setting Grpc = new("--grpc", "PORT", $"gRPC; 0 takes a free one. {Server.Limits.DefaultGrpcPort} without it.", "ORLEANS_FEATURES_GRPC_PORT");
    private static readonly Setting Http = new("--http", "PORT", $"REST, health, metrics, console, dashboard; 0 takes a free one. {Server.Limits.DefaultHttpPort} without it.", "ORLEANS_FEATURES_HTTP_PORT");
    private static readonly Setting Definitions = new("--definitions", "DIR", "Definitions to apply at start: a directory of *.yaml files. Without it the store keeps those it has.", "ORLEANS_FEATURES_DEFINITIONS");
    private static readonly Setting Partitions = new("--partitions", "NUMBER", $"Partitions of the log, for a store that is made now. {Limits.PartitionsDefault} without it.", "ORLEANS_FEATURES_PARTITIONS");
    private static readonly Setting Memory = new("--memory-budget", "BYTES", "Memory for the entities of this silo, as 4GB. Half of the machine's (or container's) without it.", "ORLEANS_FEATURES_MEMORY_BUDGET");
    private static readonly Setting EntityMemory = new("--entity-memory-budget", "BYTES", $"The same for the events of any one entity. {ByteSize.Text(Entities.Limits.EntityBudgetBytesDefault)} without it.", "ORLEANS_FEATURES_ENTITY_MEMORY_BUDGET");
    private static readonly Setting Interval = new("--checkpoint-interval", "DURATION", $"Between checkpoints of a partition: what is replayed when a silo is lost. {Of(Limits.CheckpointEvery)} without it.", "ORLEANS_FEATURES_CHECKPOINT_INTERVAL");
    private static readonly Setting Idle = new("--entity-idle", "DURATION", $"Entities that nobody wants for so long leave memory until somebody does. {Of(Limits.EntityIdleAfter)} without it.", "ORLEANS_FEATURES_ENTITY_IDLE");
    private static readonly Setting History = new("--history", "DURATION", "How long raw events are kept, by when they came. For ever without it.", "ORLEANS_FEATURES_HISTORY");
    private static readonly Setting Dedupe = new("--dedupe-horizon", "DURATION", $"How far behind stream time ids of events are remembered at least. {Of(Entities.Limits.DedupeHorizonDefault)} without it.", "ORLEANS_FEATURES_DEDUPE_HORIZON");
    private static readonly Setting Predictions = new("--prediction-history", "DURATION", $"How long answers that were given under a prediction id are watched for amendments. {Of(Gateway.Limits.PredictionHistoryDefault)} without it.", "ORLEANS_FEATURES_PREDICTION_HISTORY");
    private static readonly Setting MaxLookups = new("--max-lookups", "N", $"Lookups under way at once at this silo's gateway; one client that gives its name may have a quarter of them. {Gateway.Limits.LookupsMax} without it.", "ORLEANS_FEATURES_MAX_LOOKUPS");
    private static readonly Setting MaxPushes = new("--max-pushes", "N", $"The same for pushes, an open stream counting as one. {Gateway.Limits.PushesMax} without it.", "ORLEANS_FEATURES_MAX_PUSHES");
    private static readonly Setting Calls = new("--calls-per-connection", "N", $"Calls at once on one gRPC connection. Clients hold back the rest. {Gateway.Limits.CallsPerConnectionMax} without it.", "ORLEANS_FEATURES_CALLS_PER_CONNECTION");
    private static readonly Setting ShedAfter = new("--shed-after", "DURATION", $"Lookups that would wait longer than this for a thread are refused, but only while they are such a crowd that they wait for each other; earlier if their deadline is shorter. {Of(Gateway.Limits.LookupDelayMax)} without it.", "ORLEANS_FEATURES_SHED_AFTER");
    private static readonly Setting Cors = new("--cors-origins", "ORIGINS", "Origins whose pages may use REST from a browser, with commas between; * is every page.", "ORLEANS_FEATURES_CORS_ORIGINS");
    private static readonly Setting Backfill = new("--backfill-producers", "NAMES", "Producers that may state when their events arrived, with commas between; * is everyone.", "ORLEANS_FEATURES_BACKFILL_PRODUCERS");
    private static readonly Setting Grace = new("--leave-grace", "DURATION", $"At SIGTERM, from 'not ready' to the first refused call. {Of(Limits.LeaveGraceDefault)} without it.", "ORLEANS_FEATURES_LEAVE_GRACE");
    private static readonly Setting Drain = new("--drain-limit", "DURATION", $"From SIGTERM to the end at the latest. {Of(Limits.DrainMaxDefault)} without it.", "ORLEANS_FEATURES_DRAIN_LIMIT");
    private static readonly Setting Start = new("--start-timeout", "DURATION", $"From start to ready at the latest. {Of(Limits.StartTimeoutDefault)} without it.", "ORLEANS_FEATURES_START_TIMEOUT");
    private static readonly Setting Dashboard = new("--dashboard", "on|off", "Orleans's dashboard at /orleans. On without it.", "ORLEANS_FEATURES_DASHBOARD");
    private static readonly Setting Kubernetes = new("--kubernetes", "on|off", "Ask Kubernetes which pods are gone; needs a build with -p:Cloud=true. Off without it.", "ORLEANS_FEATURES_KUBERNETES");
    private static readonly Setting DeletePods = new("--kubernetes-delete-pods", "on|off", "Delete pods whose silo was declared dead. Off without it.", "ORLEANS_FEATURES_KUBERNETES_DELETE_PODS");
    private static readonly Setting Level = new("--log-level", "LEVEL", "What is worth a line on standard error: Trace, Debug, Information, Warning, Error or Critical. Warning without it.", "ORLEANS_FEATURES_LOG_LEVEL");

    public static IEnumerable<Option> All =>
        new[]
        {
            Postgres, Schema, Redis, Cluster, ServiceName, Name, Listen, Advertise, SiloPort, GatewayPort, Grpc, Http, Definitions, Partitions, Memory, EntityMemory, Interval, Idle, History, Dedupe,
            Predictions, MaxLookups, MaxPushes, Calls, ShedAfter, Backfill, Cors, Grace, Drain, Start, Dashboard, Kubernetes, DeletePods, Level,
        }.Select(setting => setting.Option);

    /// <exception cref="CommandFailure">One of them cannot be, or not beside the others. Never says a connection string, which may hold a password.</exception>
    public static SiloOptions Read(ParseResult parsed, Func<string, string?> environment)
    {
        Given? Of(Setting setting) => setting.In(parsed, environment);
        var defaults = new SiloOptions { Postgres = "", Redis = "", GrpcPort = Server.Limits.DefaultGrpcPort, HttpPort = Server.Limits.DefaultHttpPort };
        var options = new SiloOptions
        {
            Postgres = ConnectionString(Postgres.Required(parsed, environment)),
            Redis = RedisConfiguration(Redis.Required(parsed, environment)),
            Schema = Of(Schema)?.Text ?? defaults.Schema,
            ClusterId = Of(Cluster)?.Name() ?? defaults.ClusterId,
            ServiceId = Of(ServiceName)?.Name() ?? defaults.ServiceId,
            SiloName = Of(Name)?.Name(),
            Listen = Of(Listen)?.Address() ?? defaults.Listen,
            Advertise = Of(Advertise)?.Address(),
            SiloPort = Of(SiloPort)?.Port(least: 1) ?? defaults.SiloPort,
            OrleansGatewayPort = Of(GatewayPort)?.Port(least: 0) ?? defaults.OrleansGatewayPort,
            GrpcPort = Of(Grpc)?.Port(least: 0) ?? defaults.GrpcPort,
            HttpPort = Of(Http)?.Port(least: 0) ?? defaults.HttpPort,
            DefinitionsDirectory = Of(Definitions)?.Text,
            Partitions = Of(Partitions)?.Count(Log.Limits.PartitionCountMax) ?? defaults.Partitions,
            MemoryBudgetBytes = Of(Memory)?.Bytes(Server.Limits.MemoryBudgetBytesMin) ?? defaults.MemoryBudgetBytes,
            EntityBudgetBytes = Of(EntityMemory)?.Bytes(Server.Limits.MemoryBudgetBytesMin) ?? defaults.EntityBudgetBytes,
            CheckpointInterval = Of(Interval)?.Time(Server.Limits.CheckpointIntervalMin) ?? defaults.CheckpointInterval,
            EntityIdleAfter = Of(Idle)?.Time(Limits.EntityIdleMin) ?? defaults.EntityIdleAfter,
            RawHistory = Of(History)?.Time(Server.Limits.HistoryMin),
            DedupeHorizon = Of(Dedupe)?.Time(Server.Limits.DedupeHorizonMin) ?? defaults.DedupeHorizon,
            PredictionHistory = Of(Predictions)?.Time(Server.Limits.HistoryMin) ?? defaults.PredictionHistory,
            Admission = defaults.Admission with
            {
                Lookups = Of(MaxLookups)?.Count(Limits.CallsSettingMax) ?? defaults.Admission.Lookups,
                Pushes = Of(MaxPushes)?.Count(Limits.CallsSettingMax) ?? defaults.Admission.Pushes,
                LookupDelay = Of(ShedAfter)?.Time(Limits.ShedAfterMin) ?? defaults.Admission.LookupDelay,
            },
            Connections = defaults.Connections with { Calls = Of(Calls)?.Count(Limits.CallsSettingMax) ?? defaults.Connections.Calls },
            CorsOrigins = Of(Cors)?.Text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? defaults.CorsOrigins,
            BackfillProducers = Of(Backfill)?.Text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? defaults.BackfillProducers,
            LeaveGrace = Of(Grace)?.Time(TimeSpan.Zero) ?? defaults.LeaveGrace,
            DrainMax = Of(Drain)?.Time(Limits.DrainMin) ?? defaults.DrainMax,
            StartTimeout = Of(Start)?.Time(Limits.DrainMin) ?? defaults.StartTimeout,
            Dashboard = Of(Dashboard)?.Switch() ?? defaults.Dashboard,
            Kubernetes = Of(Kubernetes)?.Switch() ?? false,
            KubernetesDeletesPods = Of(DeletePods)?.Switch() ?? false,
            EventHub = Hub(environment),
            LogLevel = Of(Level)?.OneOf<Microsoft.Extensions.Logging.LogLevel>() ?? defaults.LogLevel,
        };
        RequireTogether(options);
        return options;
    }

    private static EventHubSource? Hub(Func<string, string?> environment)
    {
        try
        {
            return EventHubSource.Read(environment);
        }
        catch (ArgumentException exception)
        {
            throw CommandFailure.Usage(exception.Message);
        }
    }

    private static void RequireTogether(SiloOptions options)
    {
        if ((options.Kubernetes || options.EventHub is not null) && !CloudParts.AreBuilt)
        {
            throw CommandFailure.Usage($"{(options.Kubernetes ? "ORLEANS_FEATURES_KUBERNETES" : "ORLEANS_FEATURES_EVENT_HUBS")} is set, and this build has nothing of the cloud: build with -p:Cloud=true, or leave it unset (docs/cluster.md says what that part is worth)");
        }

        if (options.Advertised.Equals(IPAddress.Any) || options.Advertised.Equals(IPAddress.IPv6Any))
        {
            throw CommandFailure.Usage($"--listen {options.Listen} is every address of this machine: say with --advertise, or POD_IP, which of them other silos are to use");
        }

        if (!IPAddress.IsLoopback(options.Listen) && IPAddress.IsLoopback(options.Advertised))
        {
            throw CommandFailure.Usage($"--advertise {options.Advertised} reaches this machine only, and --listen {options.Listen} does not listen there: advertise an address that other silos reach");
        }

        if (options.CorsOrigins.FirstOrDefault(origin => !CrossOrigin.IsOrigin(origin)) is { } wrong)
        {
            throw CommandFailure.Usage($"--cors-origins {wrong}: expected a scheme, a host and perhaps a port, as https://console.example.com, or *");
        }

        if (options.LeaveGrace >= options.DrainMax)
        {
            throw CommandFailure.Usage($"--leave-grace {Of(options.LeaveGrace)} leaves nothing of --drain-limit {Of(options.DrainMax)} for the drain itself: make it shorter");
        }

        int[] ports = [options.SiloPort, options.OrleansGatewayPort, options.GrpcPort, options.HttpPort];
        if (ports.Where(port => port != 0).GroupBy(port => port).FirstOrDefault(port => port.Count() > 1) is { } twice)
        {
            throw CommandFailure.Usage($"port {twice.Key} is given twice: --silo-port {options.SiloPort}, --gateway-port {options.OrleansGatewayPort}, --grpc {options.GrpcPort} and --http {options.HttpPort} must differ");
        }
    }

    private static string ConnectionString(string text)
    {
        try
        {
            return new NpgsqlConnectionStringBuilder(text) is { Host: { Length: > 0 } } ? text : throw CommandFailure.Usage("ORLEANS_FEATURES_POSTGRES (or --postgres) names no Host: expected Host=...;Username=...;Database=...");
        }
        catch (ArgumentException exception)
        {
            throw CommandFailure.Usage($"ORLEANS_FEATURES_POSTGRES (or --postgres) cannot be read as a connection string ({exception.GetType().Name}): expected Host=...;Username=...;Database=...");
        }
    }

    private static string RedisConfiguration(string text)
    {
        try
        {
            return ConfigurationOptions.Parse(text).EndPoints.Count > 0 ? text : throw CommandFailure.Usage("ORLEANS_FEATURES_REDIS (or --redis) names no server: expected host:port");
        }
        catch (ArgumentException exception)
        {
            throw CommandFailure.Usage($"ORLEANS_FEATURES_REDIS (or --redis) cannot be read as a configuration ({exception.GetType().Name}): expected host:port, and options behind commas");
        }
    }

    private static string Of(TimeSpan time) => new Duration((long)time.TotalMicroseconds).ToString();
}
