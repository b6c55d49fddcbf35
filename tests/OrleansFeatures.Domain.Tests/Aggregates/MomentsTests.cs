using OrleansFeatures.Domain.Aggregates;

namespace OrleansFeatures.Domain.Tests.Aggregates;

public sealed class MomentsTests
{
    private static readonly AggregateKind[] Kinds =
        [AggregateKind.VarPop, AggregateKind.VarSamp, AggregateKind.StddevPop, AggregateKind.StddevSamp, AggregateKind.Skew, AggregateKind.Kurtosis];

    [Fact]
    public void Moments_of_parts_give_those_of_the_whole_however_it_is_cut()
    {
        for (int seed = 0; seed < 200; seed++)
        {
            var random = new Random(seed);
            double offset = random.Next(2) * 1e6;
            double[] values = [.. Enumerable.Range(0, random.Next(1, 400)).Select(_ => offset + (random.NextDouble() * random.NextDouble() * 50))];
            Moments whole = Moments.Of(values);
            Moments merged = default;
            for (int from = 0; from < values.Length;)
            {
                int to = Math.Min(values.Length, from + random.Next(0, 70));
                merged = Moments.Merge(merged, Moments.Of(values.AsSpan(from, to - from)));
                from = to;
            }

            merged.Count.ShouldBe(values.Length);
            foreach (AggregateKind kind in Kinds)
            {
                double? expected = whole.Result(kind);
                (merged.Result(kind) is null).ShouldBe(expected is null, $"seed {seed}, {kind}");
                (merged.Result(kind) ?? 0).ShouldBe(expected ?? 0, 1e-9 * Math.Max(1, Math.Abs(expected ?? 0)), $"seed {seed}, {kind}");
            }
        }
    }

    [Fact]
    public void Merging_does_not_depend_on_how_it_is_bracketed()
    {
        for (int seed = 0; seed < 200; seed++)
        {
            var random = new Random(seed);
            Moments[] parts = [.. Enumerable.Range(0, 3).Select(_ => Moments.Of([.. Enumerable.Range(0, random.Next(0, 40)).Select(_ => random.NextDouble() * 100)]))];
            Moments left = Moments.Merge(Moments.Merge(parts[0], parts[1]), parts[2]);
            Moments right = Moments.Merge(parts[0], Moments.Merge(parts[1], parts[2]));
            left.M2.ShouldBe(right.M2, 1e-12 * Math.Max(1, right.M2), $"seed {seed}");
            left.M3.ShouldBe(right.M3, 1e-11 * Math.Max(1, Math.Pow(right.M2, 1.5)), $"seed {seed}");
            left.M4.ShouldBe(right.M4, 1e-12 * Math.Max(1, right.M4), $"seed {seed}");
        }
    }

    [Fact]
    public void Parts_whose_values_are_all_equal_have_no_spread_together()
    {
        double[] tenths = [.. Enumerable.Repeat(0.1, 100)];
        Moments merged = default;
        foreach (int length in (int[])[3, 1, 30, 66])
        {
            merged = Moments.Merge(merged, Moments.Of(tenths.AsSpan(0, length)));
        }

        merged.ShouldBe(new Moments(100, 0.1, 0, 0, 0));
        merged.Result(AggregateKind.Skew).ShouldBeNull();
        merged.Result(AggregateKind.Kurtosis).ShouldBeNull();
    }

    [Fact]
    public void A_spread_far_from_zero_is_not_cancelled()
    {
        // Around 1e9 the squares agree in their first 17 digits; Σ x² - n·mean² would be noise.
        double[] values = [1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16];
        Moments.Of(values).Result(AggregateKind.VarSamp).ShouldBe(30.0);
        Moments.Merge(Moments.Of(values.AsSpan(0, 1)), Moments.Of(values.AsSpan(1))).Result(AggregateKind.VarSamp)!.Value.ShouldBe(30.0, 1e-6);
    }

    [Fact]
    public void A_mean_that_no_double_is_does_not_blur_the_spread()
    {
        // Doubles around 1e16 are even: the mean 1e16 + 3 rounds to 1e16 + 4, yet the deviations are -3 -1 1 3.
        Moments moments = Moments.Of([1e16, 1e16 + 2, 1e16 + 4, 1e16 + 6]);
        (moments.M2, moments.M3, moments.M4).ShouldBe((20.0, 0.0, 164.0));
    }
}
