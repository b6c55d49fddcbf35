using OrleansFeatures.Log.Format;
using OrleansFeatures.Log.Inspection;
using OrleansFeatures.Log.Tests.Faults;

namespace OrleansFeatures.Log.Tests;

/// <summary>Clocks jump: to the right time after a start with a wrong one, by a day, back and forth. The log writes down what they say and depends on nothing of it.</summary>
public class ClockTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    [Fact]
    public async Task Group_times_follow_the_clock_back_and_forth_and_every_opening_accepts_them()
    {
        var device = new FaultyLogDevice(1);
        var clock = new SetClock(Start);
        int[] days = [0, 1, -1, 3650, 0, -20_000];
        await using (var log = EventLog.Open(LogTestKit.Options("/memory", segmentBytes: Limits.SegmentBytesMin), device, clock))
        {
            foreach (var day in days)
            {
                clock.Now = Start.AddDays(day);
                await log.Append((0, new string('x', Limits.SegmentBytesMin)));
            }
        }

        var report = LogInspection.Run("/memory", device, LogVerification.All, cancellationToken: TestContext.Current.CancellationToken);
        report.Damage.ShouldBeEmpty();
        report.Segments.Select(segment => segment.LastGroupMicros).ShouldBe(days.Select(day => (long?)(Start.AddDays(day) - DateTimeOffset.UnixEpoch).TotalMicroseconds));
        foreach (var verification in new[] { LogVerification.All, LogVerification.LastSegment })
        {
            await using var again = LogTestKit.Open(LogTestKit.Options("/memory", segmentBytes: Limits.SegmentBytesMin) with { Verification = verification }, device);
            again.ReadAll().Count.ShouldBe(days.Length);
        }
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(0)]
    [InlineData(1)]
    public async Task No_commit_waits_longer_for_a_clock_that_jumps_or_stands(int days)
    {
        var clock = new SetClock(Start);
        await using var log = EventLog.Open(LogTestKit.Options("/memory") with { CommitDelayMax = TimeSpan.FromMilliseconds(50) }, new FaultyLogDevice(1), clock);

        // Two at once, then one alone: it would wait for a second one that never comes, for the delay or, were a clock that went back believed, for a day.
        await Task.WhenAll(Enumerable.Range(0, 20).Select(i => log.Append((0, $"{i}"))));
        for (var round = 0; round < 5; round++)
        {
            await Task.WhenAll(log.Append((0, "a")), log.Append((1, "b")));
            clock.Now += TimeSpan.FromDays(days);
            clock.Elapse(TimeSpan.FromDays(days));
            await log.Append((0, "alone")).WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);
        }

        log.ReadAll().Count.ShouldBe(35);
    }
}
