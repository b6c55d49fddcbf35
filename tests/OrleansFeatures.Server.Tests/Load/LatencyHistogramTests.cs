using OrleansFeatures.Server.Demo;
using OrleansFeatures.Server.Load;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Server.Tests.Load;

public sealed class LatencyHistogramTests
{
    [Theory]
    [InlineData(LatencyHistogram.Coarse)]
    [InlineData(LatencyHistogram.ThreeDigits)]
    public void Percentiles_are_never_below_the_exact_ones_and_above_by_one_part_in_two_to_the_bits_at_most(int bits)
    {
        const ulong seed = 7;
        var random = new SeededRandom(seed);
        var histogram = new LatencyHistogram(bits);
        var exact = new List<long>();
        for (int draw = 0; draw < 20_000; draw++)
        {
            long nanoseconds = (long)Math.Exp(random.Uniform(0, 28));
            exact.Add(nanoseconds);
            histogram.Record(nanoseconds);
        }

        exact.Sort();
        foreach (double percent in new[] { 0.01, 1, 50, 90, 99, 99.9, 99.99, 100 })
        {
            long expected = exact[Math.Max(0, (int)Math.Ceiling(exact.Count * percent / 100) - 1)];
            double found = histogram.Percentile(percent).TotalNanoseconds;
            found.ShouldBeInRange(expected, expected + (expected / Math.Pow(2, bits)) + TimeSpan.NanosecondsPerTick, $"seed {seed}, p{percent}");
        }

        histogram.Longest.TotalNanoseconds.ShouldBeInRange(exact[^1], exact[^1] + TimeSpan.NanosecondsPerTick);
    }

    [Fact]
    public void The_share_within_a_duration_is_that_of_the_recorded_ones()
    {
        var histogram = new LatencyHistogram(LatencyHistogram.ThreeDigits);
        for (int milliseconds = 1; milliseconds <= 1_000; milliseconds++)
        {
            histogram.Record(TimeSpan.FromMilliseconds(milliseconds));
        }

        histogram.ShareWithin(TimeSpan.FromMilliseconds(501)).ShouldBe(0.5, 0.002);
        histogram.ShareWithin(TimeSpan.FromMilliseconds(1_000)).ShouldBe(1);
        histogram.ShareWithin(TimeSpan.FromMicroseconds(10)).ShouldBe(0);
    }

    [Fact]
    public async Task Threads_that_record_at_once_lose_nothing()
    {
        var histogram = new LatencyHistogram();
        await Task.WhenAll(Enumerable.Range(1, 4).Select(thread => Task.Run(() =>
        {
            for (int draw = 0; draw < 100_000; draw++)
            {
                histogram.Record((draw % 1_000) + thread);
            }
        })));
        histogram.Count.ShouldBe(400_000);
        histogram.Percentile(100).ShouldBe(histogram.Longest);
    }

    [Fact]
    public void An_empty_histogram_answers_zero()
    {
        new LatencyHistogram().Percentile(99.9).ShouldBe(TimeSpan.Zero);
    }

    [Fact]
    public void A_duration_beyond_the_scale_is_counted_at_its_end()
    {
        var histogram = new LatencyHistogram();
        histogram.Record(TimeSpan.FromDays(30));
        histogram.Percentile(50).ShouldBe(LatencyHistogram.Range);
    }

    [Fact]
    public void Adding_another_histogram_equals_recording_both()
    {
        LatencyHistogram left = new(), right = new(), both = new();
        for (int micros = 1; micros < 5_000; micros += 3)
        {
            (micros % 2 == 0 ? left : right).Record(TimeSpan.FromMicroseconds(micros));
            both.Record(TimeSpan.FromMicroseconds(micros));
        }

        left.Add(right);
        left.Count.ShouldBe(both.Count);
        left.Percentile(50).ShouldBe(both.Percentile(50));
        left.Percentile(99).ShouldBe(both.Percentile(99));
    }
}
