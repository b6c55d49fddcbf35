using System.Diagnostics;
using OrleansFeatures.Conformance;
using OrleansFeatures.Log;
using OrleansFeatures.Silo.Tests.Kit;

namespace OrleansFeatures.Silo.Tests.Streams;

/// <summary>The whole way in a cluster: from an append at one silo to its event applied wherever it lives, over a real PostgreSQL (without fsync: the disk is not what is measured).</summary>
public sealed class AppliedLatencyTests
{
    private const int Warm = 200;
    private const int Measured = 1_000;

    /// <summary>The aim is a p99 below 20 ms from append to applied; the test asserts what a busy machine must still do, and prints what it was.</summary>
    [Fact]
    public async Task No_timer_stands_between_an_append_and_its_effect()
    {
        await using EntityCluster cluster = await EntityCluster.StartAsync(Transactions.Catalog(), silos: 3);
        var appended = new List<double>();
        var applied = new List<double>();
        for (int id = 0; id < Warm + Measured; id++)
        {
            long start = Stopwatch.GetTimestamp();
            Pushed pushed = await cluster[id % 3].AppendAsync(Transactions.Insert(id, id % 3_600, $"c{id % 100}", $"t{id % 10}", 1));
            long durable = Stopwatch.GetTimestamp();
            await Eventually.Ends(
                Task.WhenAll(pushed.Positions.Select(position => cluster.HomeOf(new PartitionId(position.Key))!.Ownership.ReachedAsync(new LogOffset(position.Value), Eventually.Token))), "the event is applied");
            appended.Add(Stopwatch.GetElapsedTime(start, durable).TotalMilliseconds);
            applied.Add(Stopwatch.GetElapsedTime(durable).TotalMilliseconds);
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"append: {Show(appended)}; append to applied: {Show(applied)}");
        applied.Skip(Warm).Order().ElementAt(Measured / 2).ShouldBeLessThan(20);
    }

    private static string Show(List<double> took)
    {
        double[] sorted = [.. took.Skip(Warm).Order()];
        return $"p50 {sorted[Measured / 2]:F2} ms, p99 {sorted[Measured * 99 / 100]:F2} ms, max {sorted[^1]:F2} ms";
    }
}
