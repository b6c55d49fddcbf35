using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Configuration;
using Orleans.Serialization;
using Orleans.Streams;
using OrleansFeatures.Log;
using OrleansFeatures.Silo.Streams;
using OrleansFeatures.Silo.Tests.Kit;
using OrleansFeatures.Silo.Tests.Streams;

namespace OrleansFeatures.Silo.Tests.Hazards;

/// <summary>What a spike found of delivery (findings 1, 2 and 8), shown to be absent or harmless.</summary>
public sealed class DeliveryHazardTests
{
    /// <summary>
    /// Finding 1: rewindable streams over SimpleQueueCache stall queues after a join, because a consumer asks for a token that matches no boundary of what was replayed. Our streams are not rewindable and our
    /// cache has no place that could be missed: silos join one after the other under load, and no queue stands still.
    /// </summary>
    [Fact]
    public async Task Finding_1_no_queue_stalls_when_silos_join()
    {
        await using StreamCluster cluster = await StreamCluster.StartAsync(1);
        cluster.Service<LogQueueAdapter>(cluster.Silos.Single()).IsRewindable.ShouldBeFalse();
        for (int silos = 1; silos <= 4; silos++)
        {
            await Eventually.Is(
                () =>
                {
                    cluster.Append();
                    return StreamCluster.All.All(cluster.DeliveredInPlace);
                },
                () => $"with {silos} silos every queue delivers; {cluster.Describe()}");
            if (silos < 4)
            {
                await cluster.Cluster.StartAdditionalSiloAsync();
                await cluster.AgreeAsync();
            }
        }

        cluster.Append();
        await cluster.DoneAsync();

        // An agent that gives its queue up while a delivery fails passes over that batch, and says so. Nobody misses a place in a cache.
        cluster.Arrivals.Errors.ShouldAllBe(told => told.Error is StreamEventDeliveryFailureException);
    }

    /// <summary>
    /// Finding 2, first half: an agent passes over a batch that it could not deliver in MaxEventDeliveryTime, and tells only OnErrorAsync. Ours may take ten minutes; here it is a fifth of a second. The batch is
    /// passed over, counted and logged, and its records are done all the same, because the next batch shows the gap.
    /// </summary>
    [Fact]
    public async Task Finding_2_a_batch_that_is_passed_over_is_read_from_the_log()
    {
        await using StreamCluster cluster = await StreamCluster.StartAsync(
            1, silo => silo.Services.Configure<StreamPullingAgentOptions>(LogStream.Name, options => options.MaxEventDeliveryTime = TimeSpan.FromMilliseconds(200)));
        await cluster.AppendAndWaitAsync();
        cluster.Arrivals.Before = partition => partition == 3 ? throw new InvalidOperationException("the test's consumer takes nothing") : Task.CompletedTask;
        LogDeliveries deliveries = cluster.Service<LogDeliveries>(cluster.Silos.Single());
        cluster.Tails.Append(3);
        await Eventually.Is(() => deliveries.PassedOver == 1, () => $"the agent gives up; {cluster.Describe()}");

        cluster.Arrivals.Errors.Single().Partition.ShouldBe(3);
        cluster.Arrivals.Before = _ => Task.CompletedTask;
        cluster.Tails.Append(3);
        await cluster.DoneAsync();
        cluster.Arrivals.Of(3).ShouldAllBe(arrival => arrival.Batch.First != 1, "offset 1 was never delivered");
    }

    /// <summary>
    /// Finding 2, second half: beyond the response timeout a batch is delivered once more while the first call still runs. A grain takes calls one after the other, and the second finds everything done.
    /// </summary>
    [Fact]
    public async Task Finding_2_a_batch_that_is_delivered_twice_is_done_once()
    {
        var calls = new OutgoingCalls();
        await using StreamCluster cluster = await StreamCluster.StartAsync(1, silo =>
        {
            silo.Configure<SiloMessagingOptions>(options => options.ResponseTimeout = TimeSpan.FromSeconds(1));
            silo.AddOutgoingGrainCallFilter(calls);
        });
        await cluster.AppendAndWaitAsync();
        int before = calls.To(2);
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        cluster.Arrivals.Before = partition => partition == 2 ? release.Task : Task.CompletedTask;
        cluster.Tails.Append(2);
        await Eventually.Is(() => calls.To(2) >= before + 2, () => $"the agent calls a second time; {cluster.Describe()}");

        release.SetResult();
        cluster.Tails.Append(2);
        await cluster.DeliveredAsync([2]);
        await cluster.DoneAsync();
        cluster.Arrivals.Of(2).Count(arrival => arrival.Batch.First == 1).ShouldBeGreaterThan(1, "it was delivered twice, and the ledger refuses a record that it has");
    }

    /// <summary>
    /// Finding 8: arguments of grain calls are copied unless they are immutable. A whole append's batch is one immutable item: within a silo the grain is given the very array of the log's reader.
    /// </summary>
    [Fact]
    public async Task Finding_8_a_batch_reaches_its_grain_without_a_copy()
    {
        await using StreamCluster cluster = await StreamCluster.StartAsync(1);
        ReadOnlyMemory<byte> frames = cluster.Tails.Append(0, records: 100, bytes: 100_000).Frames;
        await cluster.DeliveredAsync([0]);
        LogBatch batch = cluster.Arrivals.Of(0)[0].Batch;
        frames.Equals(batch.Frames.AsMemory()).ShouldBeTrue("the same array, from its first byte to its last");

        SiloAddress silo = cluster.Silos.Single();
        cluster.Service<DeepCopier>(silo).Copy(batch).ShouldBeSameAs(batch);
    }

    /// <summary>A delivery that leaves the process is written to bytes, arrives as it was, and is counted.</summary>
    [Fact]
    public async Task A_delivery_to_another_silo_arrives_as_it_was_and_is_counted()
    {
        await using StreamCluster cluster = await StreamCluster.StartAsync(1);
        SiloAddress silo = cluster.Silos.Single();
        var deliveries = cluster.Service<LogDeliveries>(silo);
        var serializer = cluster.Service<Serializer>(silo);
        IBatchContainer container = new LogBatchContainer(new LogBatch(7, 10, 11, [1, 2, 3]), deliveries);
        var arrived = serializer.Deserialize<IBatchContainer>(serializer.SerializeToArray(container)).ShouldBeOfType<LogBatchContainer>();
        deliveries.Departed.ShouldBe(1);
        arrived.StreamId.ShouldBe(LogStream.IdOf(new PartitionId(7)));
        (arrived.Batch.Partition, arrived.Batch.First, arrived.Batch.Last, Convert.ToHexString(arrived.Batch.Frames)).ShouldBe((7, 10, 11, "010203"));
    }

    /// <summary>Deliveries as agents send them, by partition.</summary>
    private sealed class OutgoingCalls : IOutgoingGrainCallFilter
    {
        private readonly ConcurrentDictionary<long, int> _calls = new();

        public int To(int partition) => _calls.GetValueOrDefault(partition);

        public Task Invoke(IOutgoingGrainCallContext context)
        {
            if (context.MethodName == "DeliverBatch" && context.TargetId.TryGetIntegerKey(out long partition, out _))
            {
                _calls.AddOrUpdate(partition, 1, (_, count) => count + 1);
            }

            return context.Invoke();
        }
    }
}
