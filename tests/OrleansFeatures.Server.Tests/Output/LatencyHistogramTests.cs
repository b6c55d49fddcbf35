using OrleansFeatures.Server.Demo;
using OrleansFeatures.Server.Output;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Server.Tests.Output;

public sealed class LatencyHistogramTests
{
    [Fact]
    public void Percentiles_are_never_below_the_exact_ones_and_at_most_a_64th_above()
    {
        const ulong seed = 7;
        var random = new SeededRandom(seed);
        var histogram = new LatencyHistogram();
        var exact = new List<long>();
        for (int draw = 0; draw < 20_000; draw++)
        {
            long micros = (long)Math.Exp(random.Uniform(0, 18));
            exact.Add(micros);
            histogram.Record(TimeSpan.FromMicroseconds(micros));
        }

        exact.Sort();
        foreach (double percent in new[] { 0.01, 1, 50, 90, 99, 99.9, 100 })
        {
            long expected = exact[Math.Max(0, (int)Math.Ceiling(exact.Count * percent / 100) - 1)];
            double found = histogram.Percentile(percent).TotalMicroseconds;
            found.ShouldBeInRange(expected, expected + (expected / 64.0) + 1, $"seed {seed}, p{percent}");
        }
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
        histogram.Percentile(50).ShouldBe(TimeSpan.FromMicroseconds(uint.MaxValue));
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
