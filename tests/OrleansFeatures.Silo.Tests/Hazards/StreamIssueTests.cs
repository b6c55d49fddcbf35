using Orleans.Streams;
using Orleans.TestingHost;
using OrleansFeatures.Log;
using OrleansFeatures.Silo.Tests.Kit;
using OrleansFeatures.Silo.Tests.Streams;

namespace OrleansFeatures.Silo.Tests.Hazards;

/// <summary>Open issues of Orleans's streams (github.com/dotnet/orleans), and why each does no harm to the log's streams.</summary>
public sealed class StreamIssueTests
{
    /// <summary>
    /// Issue 11242: with Event Hubs, a silo that joins begins to pull a partition before the agent that had it has flushed its checkpoint, so it begins at an older one and replays a large number of messages.
    /// Here agents have no checkpoint: a new one begins with the newest batch, and the position is its grain's.
    /// </summary>
    [Fact]
    public async Task Issue_11242_a_silo_that_joins_does_not_replay_what_has_been_delivered()
    {
        await using StreamCluster cluster = await StreamCluster.StartAsync(1);
        for (int turn = 0; turn < 50; turn++)
        {
            await cluster.AppendAndWaitAsync();
        }

        SiloAddress first = cluster.Silos.Single();
        InProcessSiloHandle second = await cluster.Cluster.StartAdditionalSiloAsync();
        await cluster.AgreeAsync();
        await Eventually.Is(() => StreamCluster.All.All(cluster.DeliveredInPlace), () => $"the silo that joined has taken its partitions over, without a new record; {cluster.Describe()}");

        int moved = 0;
        foreach (int partition in StreamCluster.All.Where(partition => cluster.PlannedSilo(partition).Equals(second.SiloAddress)))
        {
            moved++;
            cluster.Arrivals.Of(partition).Count(arrival => !arrival.Silo.Equals(first)).ShouldBe(1, $"partition {partition}: the newest batch, once more, and nothing before it");
        }

        moved.ShouldBe(StreamCluster.Partitions / 2);
        await cluster.DoneAsync();
    }

    /// <summary>
    /// Issue 9501: a consumer's handshake takes a while, and what comes to the stream meanwhile is processed by the agent and leaves its cache before the consumer has a cursor, so the consumer never gets it.
    /// Here the first batch of a stream is held until its one consumer has a cursor, and the agent reads nothing else until then.
    /// </summary>
    [Fact]
    public async Task Issue_9501_a_consumer_that_takes_long_to_subscribe_misses_nothing()
    {
        await using StreamCluster cluster = await StreamCluster.StartAsync(2);
        var activate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        int waiting = 0;
        cluster.Arrivals.Activating = _ =>
        {
            Interlocked.Increment(ref waiting);
            return activate.Task;
        };
        cluster.Append();
        await Eventually.Is(() => Volatile.Read(ref waiting) == StreamCluster.Partitions, () => $"every consumer is being activated; {cluster.Describe()}");
        for (int turn = 0; turn < 100; turn++)
        {
            cluster.Append();
        }

        activate.SetResult();
        await cluster.DeliveredAsync(StreamCluster.All);
        foreach (int partition in StreamCluster.All)
        {
            cluster.Arrivals.ShouldBeWholeAndInOrder(partition, 100);
        }
    }

    /// <summary>
    /// Issue 8986: in a rolling deployment consumers move to a new silo and ask its agent for the place where they were; the cache has no such place (QueueCacheMissException), the consumer is told so once, and
    /// some events never reach it. Here nobody asks for a place: whatever an agent delivers first, the grain reads from the log what lies before it.
    /// </summary>
    [Fact]
    public async Task Issue_8986_silos_are_replaced_one_by_one_under_load_and_nothing_is_missing()
    {
        await using StreamCluster cluster = await StreamCluster.StartAsync(3);
        await cluster.AppendAndWaitAsync();
        using var stop = new CancellationTokenSource();
        Task load = LoadAsync(cluster, stop.Token);
        foreach (InProcessSiloHandle old in cluster.Cluster.Silos.ToArray())
        {
            await cluster.Cluster.StartAdditionalSiloAsync();
            await cluster.AgreeAsync();
            await cluster.Cluster.StopSiloAsync(old);
            await cluster.AgreeAsync();
        }

        await stop.CancelAsync();
        await load;
        cluster.Append();
        await cluster.DoneAsync();

        // An agent that gives its queue up while a delivery fails passes over that batch, and says so: its silo is going. Nobody misses a place in a cache.
        cluster.Arrivals.Errors.ShouldAllBe(told => told.Error is StreamEventDeliveryFailureException);
    }

    /// <summary>A record to every partition every few milliseconds.</summary>
    private static async Task LoadAsync(StreamCluster cluster, CancellationToken stop)
    {
        using var pace = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        try
        {
            while (await pace.WaitForNextTickAsync(stop))
            {
                cluster.Append();
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The test has seen enough.
        }
    }
}
