using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace OrleansFeatures.Silo.Operations;

/// <summary>The cluster in the console's API, over REST: any silo answers for all of them. JSON, names with underscores, one list in each document.</summary>
internal static class ClusterEndpoints
{
    public static void MapCluster(this IEndpointRouteBuilder endpoints)
    {
        ClusterView cluster = endpoints.ServiceProvider.GetRequiredService<ClusterView>();
        endpoints.MapGet("/cluster/v1/silos", Answer(async cancelled => SilosDocument(await cluster.SilosAsync(cancelled).ConfigureAwait(false))));
        endpoints.MapGet("/cluster/v1/partitions", Answer(async cancelled => PartitionsDocument(await cluster.SilosAsync(cancelled).ConfigureAwait(false))));
        endpoints.MapGet("/cluster/v1/grains", Answer(async cancelled => GrainsDocument(await cluster.GrainsAsync(cancelled).ConfigureAwait(false))));
    }

    internal static JsonObject SilosDocument(IReadOnlyList<SiloView> silos) => new()
    {
        ["silos"] = new JsonArray([.. silos.Select(JsonNode (silo) => new JsonObject
        {
            ["silo"] = silo.Name,
            ["address"] = silo.Address,
            ["status"] = silo.Status,
            ["answers"] = silo.Report is not null,
            ["ready"] = silo.Report is { NotReadyBecause: null },
            ["not_ready_because"] = silo.Report?.NotReadyBecause,
            ["build"] = silo.Report?.Build,
            ["interface_version"] = silo.Report?.InterfaceVersion,
            ["grpc"] = silo.Report?.Grpc,
            ["http"] = silo.Report?.Http,
            ["partitions"] = silo.Report?.Partitions.Count,
            ["lag"] = silo.Report?.Partitions.Sum(partition => partition.Lag),
            ["entities"] = silo.Report?.Partitions.Sum(partition => partition.Entities),
            ["awake"] = silo.Report?.Partitions.Sum(partition => partition.Awake),
            ["memory_bytes"] = silo.Report?.MemoryBytes,
            ["memory_budget_bytes"] = silo.Report?.MemoryBudgetBytes,
        })]),
    };

    /// <summary>A partition that two silos report is changing hands: the one with the higher epoch owns it.</summary>
    internal static JsonObject PartitionsDocument(IReadOnlyList<SiloView> silos) => new()
    {
        ["partitions"] = new JsonArray([.. silos
            .SelectMany(silo => (silo.Report?.Partitions ?? []).Select(partition => (Silo: silo.Name, Partition: partition)))
            .OrderBy(owned => owned.Partition.Partition).ThenByDescending(owned => owned.Partition.Epoch)
            .Select(JsonNode (owned) => new JsonObject
            {
                ["partition"] = owned.Partition.Partition,
                ["silo"] = owned.Silo,
                ["epoch"] = owned.Partition.Epoch,
                ["durable"] = owned.Partition.Durable,
                ["applied"] = owned.Partition.Applied,
                ["lag"] = owned.Partition.Lag,
                ["caught_up"] = owned.Partition.CaughtUp,
                ["checkpoint_age_seconds"] = Math.Round(owned.Partition.CheckpointAge.TotalSeconds, 3),
                ["checkpoint_failures"] = owned.Partition.CheckpointFailures,
                ["lag_seconds"] = Math.Round(owned.Partition.LagAge.TotalSeconds, 3),
                ["generation"] = owned.Partition.Generation,
                ["entities"] = owned.Partition.Entities,
                ["awake"] = owned.Partition.Awake,
            })]),
    };

    internal static JsonObject GrainsDocument(IReadOnlyList<GrainCount> grains) => new()
    {
        ["grains"] = new JsonArray([.. grains.Select(JsonNode (grain) => new JsonObject { ["type"] = grain.Type, ["silo"] = grain.Silo, ["activations"] = grain.Activations })]),
    };

    private static RequestDelegate Answer(Func<CancellationToken, Task<JsonObject>> document) => async context =>
    {
        try
        {
            JsonObject answer = await document(context.RequestAborted).ConfigureAwait(false);
            context.Response.ContentType = "application/json";
            await context.Response.WriteAsync(answer.ToJsonString(), context.RequestAborted).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is OrleansException or TimeoutException && !context.Response.HasStarted)
        {
            context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            await context.Response.WriteAsync($"the cluster cannot be asked ({failure.Message}); look at /readyz, or ask another silo\n", context.RequestAborted).ConfigureAwait(false);
        }
    };
}
