using System.Globalization;
using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Domain.Summaries;
using OrleansFeatures.Domain.Tests.Windows;

namespace OrleansFeatures.Domain.Tests.Summaries;

/// <summary>Measures what docs/windows.md says of summaries: bytes and error of each sketch by the number of values, bytes of a summary of one feature.</summary>
public sealed class SketchTableTests(ITestOutputHelper output)
{
    private static readonly WindowSpan Span = new(AsOf: 10_000_000_000, After: WindowSpan.NoStart, Through: 10_000_000_000);

    private static readonly double[] Fractions = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99];

    [Theory]
    [InlineData(100)]
    [InlineData(1_000)]
    [InlineData(10_000)]
    [InlineData(100_000)]
    [InlineData(1_000_000)]
    public void Bytes_and_errors_stay_within_what_is_promised(int count)
    {
        var (distinct, quantile, frequent, entropy) = (new List<double>(), new List<double>(), new List<double>(), new List<double>());
        var (registers, quantiles, counters) = (new HyperLogLog(), new QuantileSketch(), new SpaceSaving(FieldType.Int64, Limits.FrequentValuesMax));
        for (int seed = 0; seed < (count < 100_000 ? 5 : 2); seed++)
        {
            var random = new Random(seed);
            registers = new HyperLogLog();
            for (int value = 0; value < count; value++)
            {
                registers.Add(ValueHash.Of(Value.Of(((long)seed << 32) | (uint)value)));
            }

            distinct.Add(Math.Abs(((double)registers.Estimate() / count) - 1));
            (quantiles, double worst) = Quantiles(count, random);
            quantile.Add(worst);
            long[] values = Zipf(count, random);
            counters = Counters(values);
            frequent.Add(counters.Heaviest().Take(10).Max(held => held.Count - (long)values.Count(value => value == held.Value.Int64)) / (double)count);
            entropy.Add(EntropyError(values[..Math.Min(count, 100_000)]));
        }

        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{count,9} values | distinct {registers.Bytes,6} B, error mean {distinct.Average():P2} max {distinct.Max():P2}"
            + $" | quantiles (lognormal) {quantiles.Bytes,6} B, max {quantile.Max():P2} | frequent (Zipf 1) {counters.Bytes,6} B, top 10 too great by at most {frequent.Max():P3} of n, floor {(double)counters.Floor / count:P3} | entropy (of at most 100,000) {entropy.Min():P2} to {entropy.Max():P2}"));
        distinct.Max().ShouldBeLessThan(4 * 0.0163);
        quantile.Max().ShouldBeLessThanOrEqualTo(0.01 + 1e-9);
        frequent.Max().ShouldBeLessThanOrEqualTo(1.0 / Limits.FrequentValuesMax);
        entropy.Max().ShouldBeLessThan(0.12, "the rest of a Zipf distribution is uneven, and is taken for even");
        entropy.Min().ShouldBeGreaterThan(-0.02, "beyond the error of the distinct count it errs upwards");
        registers.Bytes.ShouldBeLessThanOrEqualTo(4_200);
        quantiles.Bytes.ShouldBeLessThanOrEqualTo(26_000);
        counters.Bytes.ShouldBeLessThanOrEqualTo(6_400);
    }

    [Fact]
    public void A_bucket_of_few_rows_is_small()
    {
        foreach (string aggregate in (string[])["count", "sum(x)", "min(x)", "stddev_samp(x)", "last(x)", "slope(x)", "drawdown(x)", "ewma(x, 1h)", "histogram(x, 1, 10, 100)", "last_n(x, 5)", "distinct_count(x)", "median(x)", "top_k(x, 5)", "entropy(x)"])
        {
            SummaryFixture fixture = SummaryFixture.Of(aggregate, FieldType.Double);
            long[] bytes = [.. new[] { 1, 10, 100, 10_000 }.Select(count => fixture.Of(Rows(count)).Bytes)];
            output.WriteLine($"{aggregate,-25} {string.Join(" | ", bytes.Select(value => $"{value,6}"))} B for 1 | 10 | 100 | 10,000 rows");
            bytes[0].ShouldBeLessThan(700, aggregate);
            bytes[^1].ShouldBeLessThan(32_000, aggregate);
        }
    }

    private static NaiveRow[] Rows(int count)
    {
        var random = new Random(1);
        return [.. Enumerable.Range(0, count).Select(row => new NaiveRow(row * 1_000L, Value.Of(Math.Round(random.NextDouble() * 1_000, 2))))];
    }

    private static (QuantileSketch Sketch, double Worst) Quantiles(int count, Random random)
    {
        var sketch = new QuantileSketch();
        double[] values = new double[count];
        for (int row = 0; row < count; row++)
        {
            values[row] = Math.Exp(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
            sketch.Add(values[row]);
        }

        Array.Sort(values);
        return (sketch, Fractions.Max(fraction => Math.Abs((sketch.Discrete(fraction) / values[Ranks.DiscreteIndex(count, fraction)]) - 1)));
    }

    private static double EntropyError(long[] values)
    {
        SummaryFixture fixture = SummaryFixture.Of("entropy(x)", FieldType.Int64);
        FeatureValue estimate = fixture.Of(values.Select((value, row) => new NaiveRow(row, Value.Of(value)))).Compute(fixture.Features[0], Span);
        double exact = values.CountBy(value => value).Sum(pair => (double)pair.Value / values.Length * Math.Log2((double)values.Length / pair.Value));
        return (estimate.Scalar.Double / exact) - 1;
    }

    private static SpaceSaving Counters(long[] values)
    {
        var sketch = new SpaceSaving(FieldType.Int64, Limits.FrequentValuesMax);
        foreach (long value in values)
        {
            sketch.Add(Value.Of(value), out _);
        }

        return sketch;
    }

    /// <summary>Of 10,000 values the rank r comes in proportion to 1/r.</summary>
    private static long[] Zipf(int count, Random random)
    {
        double[] shares = new double[10_000];
        double total = 0;
        for (int rank = 0; rank < shares.Length; rank++)
        {
            shares[rank] = total += 1.0 / (rank + 1);
        }

        return [.. Enumerable.Range(0, count).Select(_ => (long)Math.Abs(Array.BinarySearch(shares, random.NextDouble() * total)))];
    }
}
