using System.Net;
using OrleansFeatures.Log;
using OrleansFeatures.Silo.Placement;

namespace OrleansFeatures.Silo.Tests.Placement;

public sealed class PartitionPlanTests
{
    private const int Seeds = 200;

    [Fact]
    public void Without_silos_nothing_has_a_home()
    {
        PartitionPlan plan = PartitionPlan.Of([], 64);
        plan.IsKnown.ShouldBeFalse();
        plan.SiloOf(new PartitionId(0)).ShouldBeNull();
        plan.PartitionsOf(Silo(1)).ShouldBeEmpty();
        plan.ShouldBeSameAs(PartitionPlan.Unknown);
    }

    [Theory]
    [InlineData(64, 1)]
    [InlineData(64, 3)]
    [InlineData(64, 5)]
    [InlineData(64, 64)]
    [InlineData(64, 100)]
    [InlineData(1, 3)]
    [InlineData(1_000, 7)]
    [InlineData(4_096, 100)]
    public void No_silo_has_more_than_its_share_rounded_up_and_every_partition_has_one_silo(int partitions, int silos)
    {
        for (int seed = 0; seed < 10; seed++)
        {
            SiloAddress[] members = Silos(silos, seed);
            PartitionPlan plan = PartitionPlan.Of(members, partitions);
            int bound = (partitions + silos - 1) / silos;
            members.Max(silo => plan.PartitionsOf(silo).Count()).ShouldBeLessThanOrEqualTo(bound, $"seed {seed}");
            members.SelectMany(plan.PartitionsOf).Order().ShouldBe(Partitions(partitions), $"seed {seed}");
            foreach (SiloAddress silo in members)
            {
                plan.PartitionsOf(silo).ShouldAllBe(partition => plan.SiloOf(partition)!.Equals(silo));
            }
        }
    }

    [Fact]
    public void The_order_in_which_silos_are_named_makes_no_difference()
    {
        for (int seed = 0; seed < Seeds; seed++)
        {
            SiloAddress[] members = Silos(2 + seed % 9, seed);
            PartitionPlan plan = PartitionPlan.Of(members, 64);
            var random = new Random(seed);
            PartitionPlan shuffled = PartitionPlan.Of([.. members.OrderBy(_ => random.Next()), members[0]], 64);
            Partitions(64).ShouldAllBe(partition => plan.SiloOf(partition)!.Equals(shuffled.SiloOf(partition)), $"seed {seed}");
        }
    }

    /// <summary>The plan is part of how silos of two builds agree with each other: if it must change, both cannot run side by side.</summary>
    [Fact]
    public void The_plan_of_three_silos_is_what_it_was()
    {
        PartitionPlan plan = PartitionPlan.Of([Silo(1), Silo(2), Silo(3)], 16);
        string.Join(' ', Partitions(16).Select(partition => plan.SiloOf(partition)!.Endpoint.Port)).ShouldBe("2 2 1 1 3 1 3 2 3 3 2 1 3 2 3 1");
    }

    [Fact]
    public void A_silo_that_comes_back_at_its_address_takes_back_what_it_had()
    {
        PartitionPlan before = PartitionPlan.Of([Silo(1), Silo(2), Silo(3)], 64);
        PartitionPlan after = PartitionPlan.Of([Silo(1), Silo(2), Silo(3, generation: 2)], 64);
        after.PartitionsOf(Silo(3, generation: 2)).ShouldBe(before.PartitionsOf(Silo(3)));
    }

    /// <summary>
    /// At the least, a newcomer's share must move. The bound costs some more, because with every share rounded up there is no room: a partition that makes place for another may make another give way.
    /// </summary>
    [Theory]
    [InlineData(64)]
    [InlineData(256)]
    public void A_silo_that_joins_or_leaves_moves_little_more_than_its_share(int partitions)
    {
        for (int count = 1; count <= 10; count++)
        {
            double moved = 0;
            for (int seed = 0; seed < Seeds; seed++)
            {
                SiloAddress[] members = Silos(count + 1, seed);
                PartitionPlan more = PartitionPlan.Of(members, partitions);
                PartitionPlan fewer = PartitionPlan.Of(members[..count], partitions);
                moved += Partitions(partitions).Count(partition => !more.SiloOf(partition)!.Equals(fewer.SiloOf(partition))) / (double)partitions / Seeds;
            }

            double least = 1.0 / (count + 1);
            TestContext.Current.TestOutputHelper?.WriteLine($"{partitions} partitions, {count} <-> {count + 1} silos: {moved:P1} move, {moved / least:F2} times the least");
            (moved / least).ShouldBeLessThan(2, $"{count} to {count + 1} silos");
        }
    }

    [Fact]
    public void Rendezvous_picks_the_same_of_the_same_silos_in_any_order_and_none_of_none()
    {
        PartitionPlan.Rendezvous(new PartitionId(5), []).ShouldBeNull();
        SiloAddress[] members = Silos(5, 1);
        foreach (PartitionId partition in Partitions(64))
        {
            SiloAddress[] reversed = [.. members.Reverse()];
            PartitionPlan.Rendezvous(partition, reversed).ShouldBe(PartitionPlan.Rendezvous(partition, members));
        }
    }

    private static IEnumerable<PartitionId> Partitions(int count) => Enumerable.Range(0, count).Select(partition => new PartitionId(partition));

    private static SiloAddress Silo(int port, int generation = 1) => SiloAddress.New(new IPEndPoint(IPAddress.Loopback, port), generation);

    private static SiloAddress[] Silos(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(number => SiloAddress.New(new IPEndPoint(new IPAddress([10, 0, (byte)number, (byte)random.Next(256)]), 11111), random.Next(1, 1000)))];
    }
}
