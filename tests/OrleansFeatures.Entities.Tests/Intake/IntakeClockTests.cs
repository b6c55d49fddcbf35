using OrleansFeatures.Entities.Intake;

namespace OrleansFeatures.Entities.Tests.Intake;

public sealed class IntakeClockTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Stream_time_is_the_minimum_over_active_producers_and_never_goes_back(int seed)
    {
        var time = new ShiftedClock();
        var clock = new IntakeClock(time);
        var random = new Random(seed);
        var newest = new Dictionary<byte, long>();
        var seen = new Dictionary<byte, int>();
        long expected = long.MinValue;
        int minutes = 0;
        for (int step = 0; step < 5_000; step++)
        {
            if (random.Next(20) == 0)
            {
                // Half the timeout at a time: silence of one step keeps a producer alive, of two does not.
                time.Advance(Limits.ProducerIdleAfter / 2);
                minutes++;
            }

            byte name = (byte)random.Next(12);
            long eventTime = (step * 10) + random.Next(-500, 500);
            newest[name] = Math.Max(newest.GetValueOrDefault(name, long.MinValue), eventTime);
            seen[name] = minutes;
            expected = Math.Max(expected, newest.Where(producer => minutes - seen[producer.Key] < 2).Min(producer => producer.Value));

            clock.Of(7, [name]).See(eventTime).ShouldBe(expected, $"seed {seed}, step {step}");
        }
    }

    [Fact]
    public async Task Many_threads_leave_stream_time_where_the_slowest_producer_is()
    {
        var clock = new IntakeClock(TimeProvider.System);
        const int Events = 20_000;

        // All are there from the start: one that comes when the others are done would find stream time where they left it.
        for (byte name = 0; name < 4; name++)
        {
            clock.Of(7, [name]).See(-1);
        }

        await Task.WhenAll(Enumerable.Range(0, 8).Select(thread => Task.Run(() =>
        {
            IntakeClock.Producer producer = clock.Of(7, [(byte)(thread / 2)]);
            long before = long.MinValue;
            for (int step = 0; step < Events; step++)
            {
                long now = producer.See((step * 8L) + thread);
                now.ShouldBeGreaterThanOrEqualTo(before);
                before = now;
            }
        })));

        // Threads 0 and 1 are the slowest producer; thread 1 is its newer half.
        clock.StreamTimeMicros(7).ShouldBe(((Events - 1) * 8L) + 1);
    }

    [Fact]
    public void A_producer_that_makes_room_for_another_holds_nothing_back()
    {
        var clock = new IntakeClock(TimeProvider.System);
        clock.Of(7, "old"u8).See(5);
        for (int index = 0; index < Limits.ProducersPerStreamMax; index++)
        {
            clock.StreamTimeMicros(7).ShouldBe(5);
            clock.Of(7, BitConverter.GetBytes(index)).See(100 + index);
        }

        clock.StreamTimeMicros(7).ShouldBe(100);
        clock.Of(7, BitConverter.GetBytes(0)).See(200);
        clock.StreamTimeMicros(7).ShouldBe(101);
    }

    [Fact]
    public void Streams_do_not_know_each_other()
    {
        var clock = new IntakeClock(TimeProvider.System);
        clock.Of(7, "till"u8).See(5);
        clock.StreamTimeMicros(8).ShouldBeNull();
        clock.Of(8, "till"u8).See(3).ShouldBe(3);
        clock.StreamTimeMicros(7).ShouldBe(5);
    }
}
