using OrleansFeatures.Silo.Operations;

namespace OrleansFeatures.Silo.Tests.Operations;

public sealed class LagWatchTests
{
    private readonly ManualTime _time = new();

    [Fact]
    public void The_lag_is_as_old_as_the_oldest_record_that_is_not_reached()
    {
        var watch = new LagWatch(_time);
        watch.Look([Partition(end: 100, reached: 100)]);
        watch.Of(3, reached: 100).ShouldBe(TimeSpan.Zero);
        _time.Advance(1);
        watch.Look([Partition(end: 180, reached: 100)]);
        _time.Advance(1);
        watch.Look([Partition(end: 260, reached: 150)]);
        _time.Advance(1);
        watch.Of(3, reached: 150).ShouldBe(TimeSpan.FromSeconds(2), "151 was first seen two seconds ago");
        watch.Of(3, reached: 180).ShouldBe(TimeSpan.FromSeconds(1), "181 was first seen one second ago");
        watch.Of(3, reached: 260).ShouldBe(TimeSpan.Zero);
    }

    [Fact]
    public void A_partition_that_has_gone_is_forgotten()
    {
        var watch = new LagWatch(_time);
        watch.Look([Partition(end: 10, reached: 0)]);
        _time.Advance(5);
        watch.Look([]);
        watch.Look([Partition(end: 10, reached: 0)]);
        watch.Of(3, reached: 0).ShouldBe(TimeSpan.Zero, "it has only just come back");
    }

    private static Progress Partition(long end, long reached) => new(3, end, reached);

    private sealed class ManualTime : TimeProvider
    {
        private long _seconds;

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => _seconds;

        public void Advance(int seconds) => _seconds += seconds;
    }
}
