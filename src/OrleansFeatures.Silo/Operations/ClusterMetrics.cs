using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using OrleansFeatures.Gateway;
using OrleansFeatures.Gateway.Admission;
using OrleansFeatures.Gateway.Subscribe;

namespace OrleansFeatures.Silo.Operations;

/// <summary>What <c>/metrics</c> says of this silo; Prometheus adds the silos up. The names are part of the contract: alerts and autoscalers use them (docs/kubernetes.md).</summary>
internal sealed class ClusterMetrics(
    SiloSelf self, ServerLife life, LocalPartitions owned, ProcessFigures figures, Subscriptions subscriptions, CallAdmission admission, IClusterMembershipService membership)
{
    private static readonly CallClass[] Classes = [CallClass.Lookup, CallClass.Ingest];
    private static readonly Shed[] Reasons = [.. Enum.GetValues<Shed>().Where(reason => reason != Shed.None)];

    public static void Map(IEndpointRouteBuilder endpoints)
    {
        ClusterMetrics metrics = endpoints.ServiceProvider.GetRequiredService<ClusterMetrics>();
        endpoints.MapGet("/metrics", (RequestDelegate)(context =>
        {
            context.Response.ContentType = MetricsText.ContentType;
            return context.Response.WriteAsync(metrics.Text(), context.RequestAborted);
        }));
    }

    public string Text()
    {
        var text = new MetricsText();
        IReadOnlyList<PartitionReport> partitions = owned.Report();
        text.Each("gauge", "build_info", "The build that runs.", "version", [(Versions.Build, 1)])
            .Gauge("silo_ready", "1 when this silo is ready, as /readyz says.", life.NotReadyBecause is null ? 1 : 0)
            .Gauge("silos_active", "Active silos, as this one sees the cluster.", membership.CurrentSnapshot.Members.Values.Count(member => member.Status == SiloStatus.Active))
            .Gauge("partitions", "Partitions of the log.", self.Options.Partitions)
            .Gauge("partitions_owned", "Partitions that this silo owns and answers for.", partitions.Count(partition => partition.CaughtUp));
        Each(text, "partition_lag_events", "Durable records that are not applied yet.", partitions, partition => partition.Lag);
        Each(text, "partition_lag_seconds", "How long the oldest of them has been durable, to a second.", partitions, partition => partition.LagAge.TotalSeconds);
        Each(text, "checkpoint_age_seconds", "Since when there are applied records that no checkpoint holds.", partitions, partition => partition.CheckpointAge.TotalSeconds);
        WriteTotals(text, owned.Metrics);
        text.Gauge("entities_awake", "Entities in this silo's memory.", partitions.Sum(partition => partition.Awake))
            .Gauge("memory_used_bytes", "What this silo's entities take.", owned.MemoryBytes)
            .Gauge("memory_budget_bytes", "What they may take.", self.Options.MemoryBudgetBytes);
        figures.WriteTo(text);
        text.Gauge("subscriptions", "Subscriptions that are open at this silo's gateway.", subscriptions.Count);
        WriteCalls(text, admission);
        return text.ToString();
    }

    private static void WriteCalls(MetricsText text, CallAdmission admission) => text
        .Each("gauge", "calls_under_way", "Calls at this silo's gateway, of the classes that can be refused.", "class", Classes.Select(kind => (NameOf(kind), (double)admission.UnderWay(kind))))
        .Each("counter", "calls_admitted_total", "Calls of them that were taken in and have ended.", "class", Classes.Select(kind => (NameOf(kind), (double)admission.Admitted(kind))))
        .Each("counter", "calls_shed_total", "Calls of them that were refused before anything was done, by why.", "class", "reason", from kind in Classes from reason in Reasons select (NameOf(kind), NameOf(reason), (double)admission.ShedFor(kind, reason)))
        .Gauge("call_delay_seconds", "How long a call waits for a thread, as last measured.", admission.Delay.TotalSeconds);

    private static string NameOf<T>(T one) where T : struct, Enum => one.ToString().ToLowerInvariant();

    private static void WriteTotals(MetricsText text, SiloMetrics totals) => text
        .Counter("events_applied_total", "Records that this silo has applied.", totals.RecordsApplied)
        .Counter("checkpoints_total", "Checkpoints of partitions.", totals.Checkpoints)
        .Counter("checkpoint_rows_total", "Entities that they wrote.", totals.CheckpointRows)
        .Counter("checkpoint_failures_total", "Checkpoints that failed, those of partitions lost to another silo not counted.", totals.CheckpointFailures)
        .Counter("checkpoints_fenced_total", "Checkpoints that were refused because another silo owned the partition by then.", totals.CheckpointsFenced)
        .Counter("deliveries_local_total", "Batches that entities took in the silo of their partition.", totals.DeliveriesHere)
        .Counter("deliveries_elsewhere_total", "Batches that reached an entity in another silo, and were delivered again.", totals.DeliveriesElsewhere)
        .Counter("gaps_read_total", "Gaps in what streams delivered that were read from the log.", totals.GapsRead)
        .Counter("entities_healed_total", "Entities that came back without all of their records, and read them from the log.", totals.EntitiesHealed)
        .Counter("reads_local_total", "Entities read without leaving the process.", totals.ReadsLocal)
        .Counter("reads_remote_total", "Entities asked for in other silos.", totals.ReadsRemote)
        .Counter("read_calls_total", "Calls to other silos for reads.", totals.ReadCalls);

    private static void Each(MetricsText text, string name, string help, IReadOnlyList<PartitionReport> partitions, Func<PartitionReport, double> number) =>
        text.Each("gauge", name, help, "partition", partitions.Select(partition => (partition.Partition.ToString(System.Globalization.CultureInfo.InvariantCulture), number(partition))));
}
