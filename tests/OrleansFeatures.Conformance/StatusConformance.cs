using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Checkpoints;
using OrleansFeatures.Log;

namespace OrleansFeatures.Conformance;

/// <summary>What operators see is what is so.</summary>
public abstract class StatusConformance<TStores> : HostConformance<TStores>
    where TStores : IStores
{
    [Fact]
    public async Task Counts_of_events_entities_and_offsets_are_those_of_what_was_pushed()
    {
        await using ConformanceStore store = await OpenAsync();
        Push[] events = Transactions.Many(seed: 2, Some(400));
        await store.FillAsync(new TransactionOracle(), events);
        await store.PushAsync(events[..7]);
        await store.PushAsync(Transactions.Delete(events[0].Fields[0].Int64));

        HostStatus status = await store.Host.HeardAsync(
            host => host.Status(),
            heard => heard.DurableSequence == (2 * (events.Length + 1)) - 1 && heard.Streams[0].Accepted == events.Length - 1 && heard.Streams[0].Duplicates == 7
                && heard.Partitions.All(partition => partition.AppliedOffset == partition.DurableOffset) && heard.Partitions.Sum(partition => partition.Entities) == 10);
        StreamState stream = status.Streams.ShouldHaveSingleItem();
        (stream.Stream, stream.Accepted, stream.Duplicates, stream.Late).ShouldBe(("transactions", events.Length - 1, 7, 0));
        stream.StreamTimeMicros.ShouldBe(events.Max(push => push.Fields[1].Time.Micros));
        status.Partitions.Select(partition => partition.Partition).ShouldBe(Enumerable.Range(0, store.Host.Partitions.Count));
        status.Partitions.ShouldAllBe(partition => partition.AppliedOffset == partition.DurableOffset);
        status.Partitions.Sum(partition => partition.DurableOffset + 1).ShouldBe(2 * (events.Length + 1), "a record for the customer and one for the terminal, of each event and of what was taken back");
        status.Partitions.Sum(partition => partition.Entities).ShouldBe(10, "six customers and four terminals");
        status.DurableSequence.ShouldBe((2 * (events.Length + 1)) - 1);
        status.FirstSequence.ShouldBe(0);
        status.Losses.ShouldBeEmpty();
        status.LogBytes.ShouldBeGreaterThan(0);
    }

    [Fact]
    public async Task The_durable_offset_of_a_partition_is_that_of_its_newest_event()
    {
        await using ConformanceStore store = await OpenAsync();
        Pushed pushed = await store.Host.AppendAsync(Transactions.Many(seed: 7, 50));
        await store.WaitAllAppliedAsync();
        foreach ((int partition, long offset) in pushed.Positions)
        {
            store.Host.DurableOffset(new PartitionId(partition)).ShouldBe(new LogOffset(offset));
        }

        foreach (EntityPlan entity in (EntityPlan[])[store.Host.Catalog.Entity("customer")!, store.Host.Catalog.Entity("terminal")!])
        {
            pushed.Positions.Keys.ShouldContain(store.Host.Partitions.Of(entity, HostCalls.KeyOf(entity.Name == "customer" ? "c1" : "t1")).Value);
        }
    }

    [Fact]
    public async Task A_checkpoint_counts_and_says_that_it_did()
    {
        await using ConformanceStore store = await OpenAsync();
        await store.FillAsync(new TransactionOracle(), Transactions.Many(seed: 1, Some(200)));
        CheckpointStatus first = await store.Host.CheckpointAsync(Cancel);
        (first.Number > 0, first.Failures, first.LastFailure).ShouldBe((true, 0, null));
        first.WrittenMicros.ShouldBeGreaterThan(0);
        await store.PushAsync(Transactions.Of(900_000, 10, "c1", "t1", 1));
        CheckpointStatus second = await store.Host.CheckpointAsync(Cancel);
        second.Number.ShouldBeGreaterThan(first.Number);
        second.Failures.ShouldBe(0);
        await store.RestartAsync();
        (await store.ReadAsync("customer", "c1", Transactions.At(10)))["last3"].HasValue.ShouldBeTrue();
    }

    [Fact]
    public async Task A_replay_builds_the_same_state_anew_while_events_come()
    {
        await using ConformanceStore store = await OpenAsync();
        var oracle = new TransactionOracle();
        await store.FillAsync(oracle, Transactions.Many(seed: 1, Some(400)));
        await store.Host.CheckpointAsync(Cancel);
        Task<long> replay = store.Host.ReplayAsync(store.Host.FirstWrittenSince(EventTime.Epoch), null, Cancel).AsTask();
        await store.FillAsync(oracle, Transactions.Many(seed: 2, Some(100), first: 5_000));
        (await replay).ShouldBeGreaterThanOrEqualTo(2 * Some(400));
        await store.FillAsync(oracle, Transactions.Many(seed: 3, Some(50), first: 6_000));
        await oracle.CheckAsync(store.Host, [1_800, 3_600], "replayed");
        await store.RestartAsync();
        await oracle.CheckAsync(store.Host, [1_800, 3_600], "restarted");
    }
}
