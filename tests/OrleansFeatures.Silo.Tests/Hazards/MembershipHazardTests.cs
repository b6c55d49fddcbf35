using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Configuration;
using Orleans.TestingHost;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Silo.Placement;
using OrleansFeatures.Silo.Tests.Kit;
using OrleansFeatures.Silo.Tests.Streams;

namespace OrleansFeatures.Silo.Tests.Hazards;

/// <summary>
/// What a spike found of silos that leave (findings 3, 6 and 7), shown to be absent or harmless. A silo of this process that is "killed" stops without handing anything over, but still writes that it is dead; the
/// one of finding 6 is cut off instead. What SIGKILL and SIGSTOP do to processes is measured in tests/acceptance/cluster.py.
/// </summary>
public sealed class MembershipHazardTests
{
    private readonly Hanging _hanging = new();

    /// <summary>
    /// Finding 3: with the default grain directory healthy grains everywhere are deactivated when the silo leaves that had registered them; and with the default lease of the distributed directory what a silo
    /// took along stays away for half a minute. With the distributed directory and no lease, grains of the silos that stay keep their activations, and the others are back as soon as the silo is known to be dead.
    /// </summary>
    [Fact]
    public async Task Finding_3_the_loss_of_a_silo_leaves_other_silos_grains_alone_and_its_own_come_back_at_once()
    {
        await using StreamCluster cluster = await Probes(3);
        IProbeGrain[] probes = [.. Addresses(300).Select(address => cluster.Cluster.Client.GetGrain<IProbeGrain>(address.ToGrainKey()))];
        var before = new Dictionary<IProbeGrain, (SiloAddress Silo, Guid Activation)>();
        foreach (IProbeGrain probe in probes)
        {
            before[probe] = await probe.WhereAsync();
        }

        InProcessSiloHandle lost = cluster.Cluster.Silos[2];
        long start = Stopwatch.GetTimestamp();
        await cluster.Cluster.KillSiloAsync(lost);
        await cluster.AgreeAsync();
        TimeSpan noticed = Stopwatch.GetElapsedTime(start);

        int stayed = 0;
        foreach (IProbeGrain probe in probes)
        {
            (SiloAddress silo, Guid activation) = await probe.WhereAsync();
            silo.ShouldNotBe(lost.SiloAddress);
            if (!before[probe].Silo.Equals(lost.SiloAddress))
            {
                stayed++;
                activation.ShouldBe(before[probe].Activation, "its silo is still there");
            }
        }

        TimeSpan answered = Stopwatch.GetElapsedTime(start);
        TestContext.Current.TestOutputHelper?.WriteLine($"noticed after {noticed.TotalSeconds:F2} s; all 300 answered after {answered.TotalSeconds:F2} s; {stayed} kept their activation");
        stayed.ShouldBeInRange(1, probes.Length - 1);
        (answered - noticed).ShouldBeLessThan(TimeSpan.FromSeconds(20), "the default lease would keep them away for 30 s");
    }

    /// <summary>
    /// Finding 6: a death takes votes, min(2, (active + 1) / 2), and with the defaults some ten seconds. With one vote and two missed probes of a second a silo that answers nobody is out of the plan in seconds, and its
    /// partitions go on elsewhere. It cannot vote the others out first, because it finds nobody to probe them for it. (Of two silos either may: nobody can tell which of them is cut off.) What it still does is refused,
    /// because it has an older epoch.
    /// </summary>
    [Fact]
    public async Task Finding_6_a_silo_that_answers_nobody_is_voted_out_in_seconds_and_fenced()
    {
        await using StreamCluster cluster = await StreamCluster.StartAsync(3, Isolation.Configure);
        await cluster.AppendAndWaitAsync();
        SiloAddress[] stay = [.. cluster.Silos.Take(2)];
        long start = Stopwatch.GetTimestamp();
        cluster.Service<Isolation>(cluster.Cluster.Silos[2].SiloAddress).Cut();
        await Eventually.Is(
            () =>
            {
                cluster.Append();
                return stay.All(silo => cluster.Plans(silo).Current.Silos.ToHashSet().SetEquals(stay));
            },
            () => $"the silo that is cut off is out of the others' plan; {cluster.Log.Tail}");
        TimeSpan noticed = Stopwatch.GetElapsedTime(start);
        cluster.Append();
        await cluster.DoneAsync();
        TestContext.Current.TestOutputHelper?.WriteLine($"out of the plan after {noticed.TotalSeconds:F2} s, every partition done after {Stopwatch.GetElapsedTime(start).TotalSeconds:F2} s, {cluster.Ledger.Fenced} attempts fenced");
        noticed.ShouldBeLessThan(TimeSpan.FromSeconds(30));
    }

    /// <summary>
    /// Finding 7: a call in flight to a silo that is killed hangs until the response timeout. In this version it ends when the silo is declared dead: here the timeout is ten minutes, and the call ends in seconds.
    /// (That a retry does not count twice is the business of those who are called: EntityActor passes over offsets that it has.)
    /// </summary>
    [Fact]
    public async Task Finding_7_a_call_to_a_killed_silo_ends_when_the_silo_is_known_to_be_dead()
    {
        await using StreamCluster cluster = await Probes(2, silo => silo.Configure<SiloMessagingOptions>(options => options.ResponseTimeout = TimeSpan.FromMinutes(10)));
        InProcessSiloHandle lost = cluster.Cluster.Silos[1];
        string there = Addresses(100).First(address => cluster.PlannedSilo(PartitionOf(address)).Equals(lost.SiloAddress)).ToGrainKey();
        string here = Addresses(100).First(address => cluster.PlannedSilo(PartitionOf(address)).Equals(cluster.Cluster.Silos[0].SiloAddress)).ToGrainKey();
        var caller = cluster.Service<IGrainFactory>(cluster.Cluster.Silos[0].SiloAddress).GetGrain<IProbeGrain>(here);
        Task call = caller.CallHangingAsync(there);
        await Eventually.Is(() => _hanging.Calls == 1, "the call hangs in the silo that is about to die");

        long start = Stopwatch.GetTimestamp();
        Task kill = cluster.Cluster.KillSiloAsync(lost);
        Exception failure = await Should.ThrowAsync<Exception>(() => Eventually.Ends(call, "the call to the killed silo"));
        TestContext.Current.TestOutputHelper?.WriteLine($"the call ended after {Stopwatch.GetElapsedTime(start).TotalSeconds:F2} s: {failure.GetType().Name}: {failure.Message}");
        failure.ShouldNotBeOfType<TimeoutException>();
        _hanging.End.SetResult();
        await Eventually.Ends(kill, "the end of the killed silo");
    }

    private static EntityAddress[] Addresses(int count) =>
        [.. Enumerable.Range(0, count).Select(number => new EntityAddress("customer", System.Text.Encoding.UTF8.GetBytes($"no {number}")))];

    private static int PartitionOf(EntityAddress address) => address.PartitionOf(new PartitionMap(StreamCluster.Partitions)).Value;

    private Task<StreamCluster> Probes(short silos, Action<ISiloBuilder>? configure = null) => StreamCluster.StartAsync(silos, silo =>
    {
        silo.Services.AddSingleton(_hanging);
        configure?.Invoke(silo);
    });
}
