using Microsoft.Extensions.Logging;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Log;
using OrleansFeatures.Silo.Placement;

namespace OrleansFeatures.Silo.Reads;

/// <summary>
/// How far all partitions of the cluster have come, as far as this silo has heard: every silo asks every other one time and again, and at once when somebody waits. Of two answers for a partition the one of the later owner counts, and of one owner's
/// the one that is farther. A silo that does not answer leaves what is known of its partitions as it was, which is never ahead of the truth. Any thread.
/// </summary>
internal sealed class ClusterPositions(PartitionMap map, PartitionPlans plans, SiloReadsClient silos, LocalPositions local, ILocalSiloDetails silo, TimeProvider time)
{
    private readonly PartitionPosition?[] _known = new PartitionPosition?[map.Count];
    private readonly Lock _asking = new();
    private Task? _underWay;
    private long _askedAt;

    /// <summary>What was last heard of a partition; null before anything was.</summary>
    public PartitionPosition? Of(PartitionId partition) => Volatile.Read(ref _known[partition.Value]);

    /// <summary>Called after each round of questions.</summary>
    public Action? Heard { get; set; }

    /// <summary>Asks all silos, or joins in where they are being asked. Those that are slow are not waited for longer than <see cref="Limits.StreamTimeWaitMax"/>.</summary>
    public Task AskAsync()
    {
        lock (_asking)
        {
            return _underWay is { IsCompleted: false } ? _underWay : _underWay = AskAllAsync(time.GetElapsedTime(_askedAt));
        }
    }

    private async Task AskAllAsync(TimeSpan since)
    {
        if (since < Limits.PositionsPause)
        {
            await Task.Delay(Limits.PositionsPause, time);
        }

        _askedAt = time.GetTimestamp();
        await Task.WhenAll(plans.Current.Silos.Select(AskAsync));
        Heard?.Invoke();
    }

    private async Task AskAsync(SiloAddress other)
    {
        try
        {
            Hear(other.Equals(silo.SiloAddress) ? local.Now() : await silos.Of(other).PositionsAsync().AsTask().WaitAsync(Limits.StreamTimeWaitMax, time));
        }
        catch (Exception failure) when (failure is OrleansException or TimeoutException)
        {
            // It has gone, or hangs: its partitions' next owner will tell.
        }
    }

    private void Hear(PartitionPosition[] positions)
    {
        foreach (PartitionPosition position in positions)
        {
            ref PartitionPosition? known = ref _known[position.Partition];
            for (PartitionPosition? before = Volatile.Read(ref known); IsNews(before, position); before = Volatile.Read(ref known))
            {
                if (Interlocked.CompareExchange(ref known, position, before) == before)
                {
                    break;
                }
            }
        }
    }

    private static bool IsNews(PartitionPosition? before, PartitionPosition now) => before is null || now.Epoch > before.Epoch || (now.Epoch == before.Epoch && now.Applied >= before.Applied);
}
