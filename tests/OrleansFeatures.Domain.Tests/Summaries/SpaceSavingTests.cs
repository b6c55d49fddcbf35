using FsCheck;
using FsCheck.Fluent;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Summaries;

namespace OrleansFeatures.Domain.Tests.Summaries;

public sealed class SpaceSavingTests(ITestOutputHelper output)
{
    private const int Counters = Limits.FrequentValuesMax;

    [Theory]
    [InlineData(0.8)]
    [InlineData(1.0)]
    [InlineData(1.3)]
    public void Counts_are_too_great_by_at_most_a_256th_of_all(double exponent)
    {
        for (int seed = 0; seed < 5; seed++)
        {
            long[] values = Zipf(200_000, 20_000, exponent, seed);
            SpaceSaving sketch = Of(values, FieldType.Int64);
            double worst = Check(sketch, values, $"exponent {exponent}, seed {seed}");
            output.WriteLine($"Zipf {exponent}, seed {seed}: worst overestimate {worst:F2} of n/256, floor {sketch.Floor * 256.0 / values.Length:F2} of n/256, {sketch.Bytes} bytes");
        }
    }

    [Theory]
    [InlineData(2, FieldType.Int64)]
    [InlineData(16, FieldType.Int64)]
    [InlineData(200, FieldType.Int64)]
    [InlineData(1_000, FieldType.Int64)]
    [InlineData(16, FieldType.String)]
    public void The_bound_outlasts_merging(int parts, FieldType type)
    {
        for (int seed = 0; seed < 3; seed++)
        {
            long[] values = Zipf(50_000, 20_000, 1.0, seed);
            SpaceSaving[] sketches = [.. values.Chunk(values.Length / parts).Select(part => Of(part, type))];
            SpaceSaving merged = new(type, Counters);
            foreach (SpaceSaving sketch in sketches)
            {
                merged.Merge(sketch);
            }

            double worst = Check(merged, values, $"{parts} parts, seed {seed}");
            foreach (long value in values)
            {
                merged.Add(ValueOf(value, type), out _);
            }

            Check(merged, [.. values, .. values], $"{parts} parts and as many values again, seed {seed}");
            output.WriteLine($"{parts} parts of {type} merged, seed {seed}: worst overestimate {worst:F2} of n/256");
        }
    }

    [Fact]
    public void Few_distinct_values_are_counted_exactly_however_they_are_merged() =>
        Prop.ForAll(Parts.Arbitrary(partLengthMax: 60), parts =>
        {
            var expected = parts.SelectMany(part => part).GroupBy(value => value % 128).Select(group => new Frequency(Value.Of((long)group.Key), group.LongCount(), 0))
                .OrderByDescending(frequency => frequency.Count).ThenBy(frequency => frequency.Value.Int64).ToArray();
            SpaceSaving left = parts.Select(part => Of(part.Select(value => (long)value % 128))).Aggregate(new SpaceSaving(FieldType.Int64, Counters), Merged);
            SpaceSaving right = parts.Select(part => Of(part.Select(value => (long)value % 128))).Reverse().Aggregate((tail, head) => Merged(head, tail));
            return left.Heaviest().SequenceEqual(expected) && right.Heaviest().SequenceEqual(expected) && left.IsExact && right.IsExact;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void As_many_distinct_values_as_counters_are_still_exact()
    {
        SpaceSaving sketch = Of(Enumerable.Range(0, Counters).Select(value => (long)value));
        sketch.IsExact.ShouldBeTrue();
        sketch.Merge(Of([5, 6]));
        sketch.IsExact.ShouldBeTrue();
        sketch.Heaviest()[..2].ShouldBe([new Frequency(Value.Of(5L), 2, 0), new Frequency(Value.Of(6L), 2, 0)]);
        sketch.Add(Value.Of(-1L), out bool tookOver);
        tookOver.ShouldBeTrue();
        sketch.IsExact.ShouldBeFalse();
        sketch.Heaviest().Single(frequency => frequency.Value == Value.Of(-1L)).ShouldBe(new Frequency(Value.Of(-1L), 2, 1));
        sketch.Heaviest().ShouldNotContain(frequency => frequency.Value == Value.Of(255L), "among the rarest, the greatest gives way");
    }

    [Fact]
    public void Texts_and_both_zeros_are_values()
    {
        var texts = new SpaceSaving(FieldType.String, capacity: 3);
        foreach (string text in (string[])["b", "a", "a", "", "c", "c", "c"])
        {
            texts.Add(Value.Of(text), out _);
        }

        texts.Heaviest().ShouldBe([new Frequency(Value.Of("c"), 4, 1), new Frequency(Value.Of("a"), 2, 0), new Frequency(Value.Of(""), 1, 0)]);
        var doubles = new SpaceSaving(FieldType.Double, capacity: 3);
        doubles.Add(Value.Of(-0.0), out _);
        doubles.Add(Value.Of(0.0), out _);
        doubles.Heaviest().ShouldBe([new Frequency(Value.Of(0.0), 2, 0)]);
    }

    /// <summary>No count too small, none too great by more than its error, no error beyond n/256, no frequent value missing.</summary>
    private static double Check(SpaceSaving sketch, long[] values, string name)
    {
        Dictionary<long, int> exact = values.CountBy(value => value).ToDictionary();
        double bound = (double)values.Length / Counters;
        Frequency[] held = sketch.Heaviest();
        foreach (Frequency frequency in held)
        {
            long count = exact[NumberOf(frequency.Value)];
            frequency.Count.ShouldBeGreaterThanOrEqualTo(count, name);
            (frequency.Count - frequency.Error).ShouldBeLessThanOrEqualTo(count, name);
            ((double)frequency.Error).ShouldBeLessThanOrEqualTo(bound, name);
        }

        sketch.Total.ShouldBe(values.Length);
        ((double)sketch.Floor).ShouldBeLessThanOrEqualTo(bound, name);
        HashSet<long> names = [.. held.Select(frequency => NumberOf(frequency.Value))];
        exact.Where(pair => !names.Contains(pair.Key)).Select(pair => pair.Value).DefaultIfEmpty(0).Max().ShouldBeLessThanOrEqualTo((int)sketch.Floor, name);
        return held.Max(frequency => frequency.Count - exact[NumberOf(frequency.Value)]) / bound;
    }

    private static long[] Zipf(int count, int distinct, double exponent, int seed)
    {
        var random = new Random(seed);
        double[] shares = new double[distinct];
        double total = 0;
        for (int rank = 0; rank < distinct; rank++)
        {
            shares[rank] = total += Math.Pow(rank + 1, -exponent);
        }

        long Next()
        {
            int rank = Array.BinarySearch(shares, random.NextDouble() * total);
            return rank < 0 ? ~rank : rank;
        }

        return [.. Enumerable.Range(0, count).Select(_ => Next())];
    }

    private static SpaceSaving Of(IEnumerable<long> values) => Of(values, FieldType.Int64);

    private static SpaceSaving Of(IEnumerable<long> values, FieldType type)
    {
        var sketch = new SpaceSaving(type, Counters);
        foreach (long value in values)
        {
            sketch.Add(ValueOf(value, type), out _);
        }

        return sketch;
    }

    private static Value ValueOf(long number, FieldType type) => type == FieldType.String ? Value.Of($"text {number}") : Value.Of(number);

    private static long NumberOf(Value value) => value.Type == FieldType.String ? long.Parse(value.Text["text ".Length..], System.Globalization.CultureInfo.InvariantCulture) : value.Int64;

    private static SpaceSaving Merged(SpaceSaving left, SpaceSaving right)
    {
        left.Merge(right);
        return left;
    }
}
