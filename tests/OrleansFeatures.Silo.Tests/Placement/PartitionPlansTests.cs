using System.Collections.Immutable;
using System.Net;
using System.Threading.Channels;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Log;
using OrleansFeatures.Silo.Placement;
using OrleansFeatures.Silo.Tests.Kit;

namespace OrleansFeatures.Silo.Tests.Placement;

public sealed class PartitionPlansTests
{
    private readonly Members _members = new();

    [Fact]
    public void Before_any_silo_is_active_there_is_no_plan()
    {
        var plans = new PartitionPlans(new PartitionMap(8), _members);
        _members.Set((1, SiloStatus.Joining));
        plans.Current.ShouldBeSameAs(PartitionPlan.Unknown);
        plans.SiloOf(new PartitionId(0)).ShouldBeNull();
    }

    [Fact]
    public void Only_active_silos_have_partitions()
    {
        var plans = new PartitionPlans(new PartitionMap(8), _members);
        _members.Set((1, SiloStatus.Active), (2, SiloStatus.Joining), (3, SiloStatus.ShuttingDown), (4, SiloStatus.Dead), (5, SiloStatus.Active));
        plans.Current.Silos.Select(silo => silo.Endpoint.Port).ShouldBe([1, 5]);
    }

    [Fact]
    public void The_plan_stays_the_same_object_while_the_same_silos_are_active()
    {
        var plans = new PartitionPlans(new PartitionMap(8), _members);
        _members.Set((1, SiloStatus.Active), (2, SiloStatus.Active));
        PartitionPlan plan = plans.Current;
        _members.Set((1, SiloStatus.Active), (2, SiloStatus.Active), (3, SiloStatus.Joining));
        plans.Current.ShouldBeSameAs(plan);
    }

    [Fact]
    public async Task Who_waits_hears_of_the_next_change_and_of_one_that_has_been_already()
    {
        var plans = new PartitionPlans(new PartitionMap(8), _members);
        _members.Set((1, SiloStatus.Active));
        PartitionPlan first = await Eventually.Ends(plans.WaitForChangeAsync(PartitionPlan.Unknown, Eventually.Token).AsTask(), "a change that has been already");
        first.Silos.Length.ShouldBe(1);

        Task<PartitionPlan> next = plans.WaitForChangeAsync(first, Eventually.Token).AsTask();
        _members.Set((1, SiloStatus.Active), (2, SiloStatus.Joining));
        _members.Set((1, SiloStatus.Active), (2, SiloStatus.Active));
        (await Eventually.Ends(next, "the change to two silos")).Silos.Length.ShouldBe(2);
    }

    [Fact]
    public async Task Who_waits_can_stop_waiting()
    {
        var plans = new PartitionPlans(new PartitionMap(8), _members);
        using var stop = new CancellationTokenSource();
        Task<PartitionPlan> wait = plans.WaitForChangeAsync(plans.Current, stop.Token).AsTask();
        await stop.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(() => Eventually.Ends(wait, "a wait that was cancelled"));
    }

    /// <summary>A membership that the test writes; every enumeration begins with what is, as Orleans's does.</summary>
    private sealed class Members : IClusterMembershipService
    {
        private readonly List<Channel<ClusterMembershipSnapshot>> _listeners = [];
        private readonly Lock _gate = new();

        public ClusterMembershipSnapshot CurrentSnapshot { get; private set; } = Snapshot([], 0);

        public IAsyncEnumerable<ClusterMembershipSnapshot> MembershipUpdates
        {
            get
            {
                lock (_gate)
                {
                    var listener = Channel.CreateUnbounded<ClusterMembershipSnapshot>();
                    listener.Writer.TryWrite(CurrentSnapshot);
                    _listeners.Add(listener);
                    return listener.Reader.ReadAllAsync();
                }
            }
        }

        public void Set(params (int Port, SiloStatus Status)[] members)
        {
            lock (_gate)
            {
                CurrentSnapshot = Snapshot(members, CurrentSnapshot.Version.Value + 1);
                _listeners.ForEach(listener => listener.Writer.TryWrite(CurrentSnapshot));
            }
        }

        public ValueTask Refresh(MembershipVersion minimumVersion = default, CancellationToken cancellationToken = default) => default;

        public Task<bool> TryKill(SiloAddress siloAddress) => Task.FromResult(false);

        private static ClusterMembershipSnapshot Snapshot((int Port, SiloStatus Status)[] members, long version) =>
            new(members.ToImmutableDictionary(member => Silo(member.Port), member => new ClusterMember(Silo(member.Port), member.Status, $"silo {member.Port}")), new MembershipVersion(version));

        private static SiloAddress Silo(int port) => SiloAddress.New(new IPEndPoint(IPAddress.Loopback, port), 1);
    }
}
