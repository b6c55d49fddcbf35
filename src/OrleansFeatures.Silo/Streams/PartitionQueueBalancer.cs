using Microsoft.Extensions.Logging;
using Orleans.Streams;
using OrleansFeatures.Silo.Placement;

namespace OrleansFeatures.Silo.Streams;

/// <summary>
/// Gives each silo the queues of the partitions that the plan gives it, and no others: the silo that reads a partition is the one where its grain is placed, so that deliveries stay in the process.
/// </summary>
/// <remarks>
/// The plan is a function of the active silos, so the change of those, which the class above this one follows, is the change of the plan. A silo that begins to shut down is not active: it stops pulling at
/// once, which is how its drain begins.
/// </remarks>
internal sealed class PartitionQueueBalancer(IServiceProvider services, PartitionPlans plans, ILogger<PartitionQueueBalancer> logger) : QueueBalancerBase(services, logger)
{
    public override IEnumerable<QueueId> GetMyQueues() => plans.Current.PartitionsOf(SiloAddress).Select(LogStream.QueueOf);

    protected override void OnClusterMembershipChange(HashSet<SiloAddress> activeSilos) => _ = TellAgentsAsync();

    private async Task TellAgentsAsync()
    {
        try
        {
            await NotifyListeners();
        }
        catch (Exception exception)
        {
            // The top of a loop that belongs to the class above: whatever a listener threw, the next change must still be told.
            LogMessages.PlanChangeUntold(Logger, exception);
        }
    }
}
