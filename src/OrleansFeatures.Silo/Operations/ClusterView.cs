using Microsoft.Extensions.Logging;

namespace OrleansFeatures.Silo.Operations;

/// <summary>The whole cluster as one silo can find it out: members from its own view of the membership, the rest by asking each. Costs one call for each silo; asked by people and dashboards.</summary>
internal sealed class ClusterView(IClusterMembershipService membership, SiloReportsClient reports, IGrainFactory grains, ILogger<ClusterView> logger)
{
    /// <summary>Every silo that is not known to be gone, by name; without a report where it did not answer within <see cref="Limits.ReportMax"/>.</summary>
    public async Task<IReadOnlyList<SiloView>> SilosAsync(CancellationToken cancellationToken)
    {
        ClusterMember[] members = [.. membership.CurrentSnapshot.Members.Values.Where(member => member.Status != SiloStatus.Dead)];
        SiloView[] silos = await Task.WhenAll(members.Select(member => ViewAsync(member, cancellationToken))).ConfigureAwait(false);
        return [.. silos.OrderBy(silo => silo.Name, StringComparer.Ordinal)];
    }

    /// <summary>Activations by grain type and silo. Those of a silo that did not answer within <see cref="Limits.ReportMax"/> are not in it: one that is slow, or is just joining, must not hide the others.</summary>
    public async Task<IReadOnlyList<GrainCount>> GrainsAsync(CancellationToken cancellationToken)
    {
        ClusterMember[] members = [.. membership.CurrentSnapshot.Members.Values.Where(member => member.Status == SiloStatus.Active)];
        SimpleGrainStatistic[][] counts = await Task.WhenAll(members.Select(member => CountsAsync(member.SiloAddress, cancellationToken))).ConfigureAwait(false);
        return [.. counts
            .SelectMany(count => count)
            .Select(count => new GrainCount(count.GrainType, count.SiloAddress.ToParsableString(), count.ActivationCount))
            .OrderBy(count => count.Type, StringComparer.Ordinal).ThenBy(count => count.Silo, StringComparer.Ordinal)];
    }

    private async Task<SimpleGrainStatistic[]> CountsAsync(SiloAddress silo, CancellationToken cancellationToken)
    {
        try
        {
            return await grains.GetGrain<IManagementGrain>(0).GetSimpleGrainStatistics([silo]).WaitAsync(Limits.ReportMax, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is OrleansException or TimeoutException)
        {
            logger.ReportMissing(silo.ToString(), failure);
            return [];
        }
    }

    private async Task<SiloView> ViewAsync(ClusterMember member, CancellationToken cancellationToken)
    {
        SiloReport? report = null;
        if (member.Status is SiloStatus.Active or SiloStatus.ShuttingDown)
        {
            try
            {
                report = await reports.ReportAsync(member.SiloAddress).WaitAsync(Limits.ReportMax, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception failure) when (failure is OrleansException or TimeoutException)
            {
                // A silo that hangs, or has just gone: the others are still worth showing.
                logger.ReportMissing(member.SiloAddress.ToString(), failure);
            }
        }

        return new SiloView(member.SiloAddress.ToParsableString(), report?.Name ?? member.Name, member.Status.ToString(), report);
    }
}

/// <param name="Address">Orleans's: host, port, and the second it started in.</param>
/// <param name="Name">As it was told, or as it named itself.</param>
/// <param name="Status">As this silo sees it.</param>
/// <param name="Report">What it said of itself; null when it did not answer.</param>
internal sealed record SiloView(string Address, string Name, string Status, SiloReport? Report);

/// <param name="Type">The grain class.</param>
/// <param name="Silo">Its Orleans address.</param>
/// <param name="Activations">Of that class there.</param>
internal sealed record GrainCount(string Type, string Silo, int Activations);
