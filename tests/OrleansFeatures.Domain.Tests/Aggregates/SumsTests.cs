using System.Numerics;
using OrleansFeatures.Domain.Aggregates;

namespace OrleansFeatures.Domain.Tests.Aggregates;

public sealed class SumsTests
{
    [Fact]
    public void An_integer_sum_is_exact_beyond_64_bits()
    {
        for (int seed = 0; seed < 100; seed++)
        {
            var random = new Random(seed);
            long[] values = [.. Enumerable.Range(0, random.Next(0, 200)).Select(_ => random.Next(4) switch { 0 => long.MinValue, 1 => long.MaxValue, _ => random.NextInt64(long.MinValue, long.MaxValue) })];
            BigInteger expected = values.Aggregate(BigInteger.Zero, (sum, value) => sum + value);
            ((BigInteger)Sums.Of(values)).ShouldBe(expected, $"seed {seed}");
        }
    }

    [Fact]
    public void Cancelling_leaves_nothing_but_what_is_really_there()
    {
        // A plain sum gives 0 here: each 1 is lost beside 1e20.
        double[] values = [.. Enumerable.Range(0, 25).SelectMany(_ => (double[])[1, 1e20, 1, -1e20])];
        Sums.Of(values).ShouldBe(50.0);
        Sums.Of(values.AsSpan(0, 8)).ShouldBe(4.0);
        values.Sum().ShouldNotBe(50.0);
    }

    [Fact]
    public void A_sum_is_the_exact_sum_rounded_or_its_neighbour()
    {
        for (int seed = 0; seed < 100; seed++)
        {
            var random = new Random(seed);
            double[] values = [.. Enumerable.Range(0, random.Next(1, 500)).Select(_ => (random.NextDouble() - 0.5) * Math.Pow(10, random.Next(0, 12)))];

            // Multiples of 2^-70 below 2^40: the differences to the true decimals do not matter, their sum is exact.
            BigInteger exact = values.Aggregate(BigInteger.Zero, (sum, value) => sum + new BigInteger(Math.ScaleB(value, 70)));
            double expected = (double)exact / Math.Pow(2, 70);
            Sums.Of(values).ShouldBe(expected, 1e-15 * Math.Abs(expected) + 1e-16, $"seed {seed}");
        }
    }
}
