using FsCheck;
using FsCheck.Fluent;
using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Summaries;

namespace OrleansFeatures.Domain.Tests.Summaries;

public sealed class QuantileSketchTests(ITestOutputHelper output)
{
    private const int Values = 100_000;

    private static readonly double[] Fractions = [0, 0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999, 1];

    public static TheoryData<string> Distributions() => ["lognormal", "uniform", "negative", "mixed", "heavy-tailed", "integers", "constant", "zeros", "tiny and huge"];

    [Theory]
    [MemberData(nameof(Distributions))]
    public void Quantiles_are_within_one_percent_of_the_value(string distribution)
    {
        double worst = 0;
        for (int seed = 0; seed < 5; seed++)
        {
            double[] values = [.. Draw(distribution, seed).Take(Values)];
            QuantileSketch sketch = Of(values);
            Array.Sort(values);
            foreach (double fraction in Fractions)
            {
                double exact = Ranks.Discrete<double>(values, fraction);
                worst = Math.Max(worst, RelativeError(sketch.Discrete(fraction), exact));
                double between = Ranks.Continuous<double>(values, fraction);
                Math.Abs(sketch.Continuous(fraction) - between).ShouldBeLessThanOrEqualTo(0.01001 * Neighbours(values, fraction), $"seed {seed}, fraction {fraction}");
            }

            sketch.Count.ShouldBe(Values);
        }

        output.WriteLine($"{distribution}: worst relative error {worst:P3} over {Fractions.Length} fractions, 5 seeds, {Values} values, {Of(Draw(distribution, 0).Take(Values)).Bytes} bytes");
        worst.ShouldBeLessThanOrEqualTo(0.01 + 1e-9);
    }

    [Fact]
    public void Least_and_greatest_are_exact()
    {
        QuantileSketch sketch = Of([-3.7, 12.25, 5, 0, 1e300]);
        sketch.Discrete(0).ShouldBe(-3.7);
        sketch.Discrete(1).ShouldBe(1e300);
        Of([7.5]).Continuous(0.3).ShouldBe(7.5);
    }

    [Fact]
    public void Every_finite_double_has_a_bin()
    {
        foreach (double value in (double[])[double.Epsilon, 2.3e-308, 1, double.BitIncrement(1), double.MaxValue])
        {
            RelativeError(Of([-double.MaxValue, value, value, value, double.MaxValue]).Discrete(0.5), value).ShouldBeLessThanOrEqualTo(0.01 + 1e-9, $"{value}");
        }
    }

    [Fact]
    public void Beyond_the_bins_only_the_values_nearest_to_zero_lose_the_bound()
    {
        // One value in each of 10,000 bins: the upper 2,048 stay apart.
        double[] values = [.. Enumerable.Range(-5_000, 10_000).Select(bin => Math.Pow(1.01 / 0.99, bin - 0.5))];
        var random = new Random(4);
        QuantileSketch shuffled = Of(values.OrderBy(_ => random.Next()));
        shuffled.HasSameState(Of(values)).ShouldBeTrue();
        shuffled.HasSameState(Of(values.Reverse())).ShouldBeTrue();
        RelativeError(shuffled.Discrete(0.8), values[7_999]).ShouldBeLessThanOrEqualTo(0.01 + 1e-9);
        RelativeError(shuffled.Discrete(0.5), values[4_999]).ShouldBeGreaterThan(0.01);
        shuffled.Bytes.ShouldBeLessThan(26_000);
    }

    [Fact]
    public void Merging_is_adding_to_the_bit_in_any_grouping_and_order() =>
        Prop.ForAll(Parts.Arbitrary(partLengthMax: 300), parts =>
        {
            double[][] numbers = [.. parts.Select(part => part.Select(Spread).ToArray())];
            QuantileSketch whole = Of(numbers.SelectMany(part => part));
            QuantileSketch left = numbers.Select(Of).Aggregate(new QuantileSketch(), Merged);
            QuantileSketch right = numbers.Select(Of).Reverse().Aggregate(new QuantileSketch(), Merged);
            QuantileSketch nested = numbers.Select(Of).Reverse().Aggregate((tail, head) => Merged(head, tail));
            return left.HasSameState(whole) && right.HasSameState(whole) && nested.HasSameState(whole);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Merging_with_collapsed_bins_is_still_adding_to_the_bit()
    {
        for (int seed = 0; seed < 20; seed++)
        {
            var random = new Random(seed);
            double[] values = [.. Enumerable.Range(0, 12_000).Select(_ => Math.Pow(10, (random.NextDouble() * 400) - 200) * (random.Next(2) == 0 ? 1 : -1))];
            IEnumerable<QuantileSketch> Split() => values.Chunk(1_000).Select(Of);
            QuantileSketch whole = Of(values);
            Split().Aggregate(Merged).HasSameState(whole).ShouldBeTrue($"seed {seed}");
            Split().Reverse().Aggregate((tail, head) => Merged(head, tail)).HasSameState(whole).ShouldBeTrue($"seed {seed}");
        }
    }

    /// <summary>Integers over many magnitudes, both signs and zero.</summary>
    private static double Spread(int value) => value * Math.Pow(2, value % 40);

    private static IEnumerable<double> Draw(string distribution, int seed)
    {
        var random = new Random(seed);
        double Normal() => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
        while (true)
        {
            yield return distribution switch
            {
                "lognormal" => Math.Exp(2 * Normal()),
                "uniform" => random.NextDouble() * 1_000,
                "negative" => -Math.Exp(Normal()),
                "mixed" => Normal() * 100,
                "heavy-tailed" => Math.Pow(1 - random.NextDouble(), -1 / 0.5),
                "integers" => random.Next(1, 500),
                "constant" => 42.5,
                "zeros" => random.Next(3) == 0 ? random.NextDouble() : 0,
                _ => Math.Pow(10, (random.NextDouble() * 16) - 8),
            };
        }
    }

    private static double RelativeError(double actual, double exact) => actual == exact ? 0 : Math.Abs(actual - exact) / Math.Abs(exact);

    /// <summary>Interpolation errs by at most one percent of the magnitudes that it lies between.</summary>
    private static double Neighbours(double[] sorted, double fraction)
    {
        double rank = fraction * (sorted.Length - 1);
        return Math.Max(Math.Abs(sorted[(int)Math.Floor(rank)]), Math.Abs(sorted[(int)Math.Ceiling(rank)])) + 1e-12;
    }

    private static QuantileSketch Of(IEnumerable<double> values)
    {
        var sketch = new QuantileSketch();
        foreach (double value in values)
        {
            sketch.Add(value);
        }

        return sketch;
    }

    private static QuantileSketch Merged(QuantileSketch left, QuantileSketch right)
    {
        left.Merge(right);
        return left;
    }
}
