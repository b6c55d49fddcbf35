using OrleansFeatures.Silo.Operations;

namespace OrleansFeatures.Silo.Tests.Operations;

public sealed class LagWatchTests
{
    private readonly ManualTime _time = new();

    [Fact]
    public void The_lag_is_as_old_as_the_oldest_record_that_is_not_applied()
    {
        var watch = new LagWatch(_time);
        watch.Look([Partition(durable: 100, applied: 100)]);
        watch.Of(3, applied: 100).ShouldBe(TimeSpan.Zero);
        _time.Advance(1);
        watch.Look([Partition(durable: 180, applied: 100)]);
        _time.Advance(1);
        watch.Look([Partition(durable: 260, applied: 150)]);
        _time.Advance(1);
        watch.Of(3, applied: 150).ShouldBe(TimeSpan.FromSeconds(2), "151 was first seen two seconds ago");
        watch.Of(3, applied: 180).ShouldBe(TimeSpan.FromSeconds(1), "181 was first seen one second ago");
        watch.Of(3, applied: 260).ShouldBe(TimeSpan.Zero);
    }

    [Fact]
    public void A_partition_that_has_gone_is_forgotten()
    {
        var watch = new LagWatch(_time);
        watch.Look([Partition(durable: 10, applied: 0)]);
        _time.Advance(5);
        watch.Look([]);
        watch.Look([Partition(durable: 10, applied: 0)]);
        watch.Of(3, applied: 0).ShouldBe(TimeSpan.Zero, "it has only just come back");
    }

    private static PartitionReport Partition(long durable, long applied) => new()
    {
        Partition = 3, Epoch = 1, Durable = durable, Applied = applied, CheckpointAge = TimeSpan.Zero, Awake = 0, CaughtUp = true, CheckpointFailures = 0,
    };

    private sealed class ManualTime : TimeProvider
    {
        private long _seconds;

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => _seconds;

        public void Advance(int seconds) => _seconds += seconds;
    }
}
