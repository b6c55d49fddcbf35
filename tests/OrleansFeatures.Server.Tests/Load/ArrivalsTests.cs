using OrleansFeatures.Server.Load;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Server.Tests.Load;

public sealed class ArrivalsTests
{
    private const ulong Seed = 5;

    [Fact]
    public void Even_arrivals_tick_like_a_metronome()
    {
        long[] due = All(RateProfile.Constant(1_000, TimeSpan.FromSeconds(2)), Spacing.Even);
        due.Length.ShouldBe(2_000);
        for (int at = 0; at < due.Length; at++)
        {
            due[at].ShouldBeInRange((at * 1_000_000L) - 1, (at * 1_000_000L) + 1);
        }
    }

    /// <summary>Of a Poisson process, counts in equal intervals have a variance equal to their mean; gaps have a deviation equal to theirs.</summary>
    [Fact]
    public void Poisson_arrivals_come_in_bursts_as_independent_users_do()
    {
        long[] due = All(RateProfile.Constant(1_000, TimeSpan.FromSeconds(100)), Spacing.Poisson);
        double[] counts = [.. Enumerable.Range(0, 10_000).Select(_ => 0.0)];
        foreach (long instant in due)
        {
            counts[instant / 10_000_000]++;
        }

        double mean = counts.Average();
        double variance = counts.Average(count => (count - mean) * (count - mean));
        mean.ShouldBe(10, 0.15, $"seed {Seed}");
        variance.ShouldBe(mean, 0.6, $"seed {Seed}");
        double[] gaps = [.. due.Zip(due.Skip(1), (earlier, later) => (later - earlier) / 1e6)];
        double gapMean = gaps.Average();
        Math.Sqrt(gaps.Average(gap => (gap - gapMean) * (gap - gapMean))).ShouldBe(1, 0.03, $"seed {Seed}");
        gaps.Min().ShouldBeGreaterThanOrEqualTo(0);
    }

    [Fact]
    public void The_same_seed_gives_the_same_instants_and_another_one_others()
    {
        RateProfile profile = RateProfile.Spike(100, 5, TimeSpan.FromSeconds(10));
        All(profile, Spacing.Poisson).SequenceEqual(All(profile, Spacing.Poisson)).ShouldBeTrue();
        All(profile, Spacing.Poisson).SequenceEqual(All(profile, Spacing.Poisson, Seed + 1)).ShouldBeFalse();
    }

    [Fact]
    public void A_spike_has_its_base_rate_before_and_after_and_its_peak_between()
    {
        RateProfile profile = RateProfile.Spike(100, 5, TimeSpan.FromSeconds(100));
        long[] due = All(profile, Spacing.Even);
        double InSeconds(int from, int to) => due.Count(instant => instant >= from * 1_000_000_000L && instant < to * 1_000_000_000L);
        InSeconds(0, 30).ShouldBe(3_000, 1);
        InSeconds(40, 60).ShouldBe(10_000, 1);
        InSeconds(30, 40).ShouldBe(3_000, 1);
        InSeconds(60, 70).ShouldBe(3_000, 1);
        InSeconds(70, 100).ShouldBe(3_000, 1);
        profile.Peak.ShouldBe(500);
        profile.Expected.ShouldBe(22_000, 1e-6);
    }

    [Fact]
    public void Time_is_the_inverse_of_the_area_under_the_rate()
    {
        var profile = new RateProfile(
            new RateSegment(TimeSpan.FromSeconds(2), 0, 50),
            new RateSegment(TimeSpan.FromSeconds(3), 50, 50),
            new RateSegment(TimeSpan.FromSeconds(1), 0, 0),
            new RateSegment(TimeSpan.FromSeconds(4), 80, 0));
        const int steps = 1_000_000;
        double area = 0;
        for (int step = 0; step < steps; step++)
        {
            double seconds = 10.0 * step / steps;
            double rate = seconds < 2 ? 25 * seconds : seconds < 5 ? 50 : seconds < 6 ? 0 : 80 - (20 * (seconds - 6));
            // Where the rate is zero, or the steps have not reached the end of that part, many instants have the same area.
            if (step % 10_000 == 0 && rate > 1 && seconds != 6)
            {
                (profile.TimeOf(area)!.Value / 1e9).ShouldBe(seconds, 0.001, $"after {area} arrivals");
            }

            area += rate * 10 / steps;
        }

        profile.Expected.ShouldBe(area, 0.01);
        profile.TimeOf(profile.Expected).ShouldBeNull();
    }

    private static long[] All(RateProfile profile, Spacing spacing, ulong seed = Seed)
    {
        var arrivals = new Arrivals(profile, spacing, seed);
        var due = new List<long>();
        while (arrivals.Next() is { } instant)
        {
            due.Add(instant);
        }

        return [.. due];
    }
}
