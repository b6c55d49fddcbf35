using FsCheck;
using FsCheck.Fluent;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Summaries;

namespace OrleansFeatures.Domain.Tests.Summaries;

public sealed class HyperLogLogTests(ITestOutputHelper output)
{
    private const double StandardError = 0.0163;
    private const int Seeds = 50;

    [Theory]
    [InlineData(10)]
    [InlineData(100)]
    [InlineData(512)]
    [InlineData(513)]
    [InlineData(1_000)]
    [InlineData(5_000)]
    [InlineData(10_000)]
    [InlineData(20_000)]
    [InlineData(100_000)]
    [InlineData(1_000_000)]
    public void Error_is_what_the_registers_allow(int distinct)
    {
        double[] errors = [.. Enumerable.Range(0, Seeds).Select(seed => ((double)Sketch(distinct, seed).Estimate() / distinct) - 1)];
        double mean = errors.Average(Math.Abs);
        double bias = errors.Average();
        double deviation = Math.Sqrt(errors.Average(error => error * error));
        output.WriteLine($"{distinct,9} distinct, {Seeds} seeds: mean error {mean:P2}, bias {bias:P2}, standard error {deviation:P2}, worst {errors.Max(Math.Abs):P2}, {Sketch(distinct, 0).Bytes} bytes");
        mean.ShouldBeLessThan(2 * StandardError);
        deviation.ShouldBeLessThan(1.3 * StandardError);
        Math.Abs(bias).ShouldBeLessThan(4 * StandardError / Math.Sqrt(Seeds));
    }

    [Fact]
    public void Few_values_are_counted_exactly()
    {
        for (int distinct = 0; distinct <= 512; distinct += 37)
        {
            HyperLogLog sketch = Sketch(distinct, seed: 1);
            sketch.Estimate().ShouldBe(distinct);
            sketch.IsExact.ShouldBeTrue();
        }

        Sketch(513, seed: 1).IsExact.ShouldBeFalse();
    }

    [Fact]
    public void Texts_are_told_apart_by_their_bytes()
    {
        var sketch = new HyperLogLog();
        foreach (string text in (string[])["", "a", "b", "ab", "\U0001F600", "\uFF5E", new string('x', 400), new string('x', 401), "a"])
        {
            sketch.Add(ValueHash.Of(Value.Of(text)));
        }

        sketch.Estimate().ShouldBe(8);
        ValueHash.Of(Value.Of(new string('x', 400))).ShouldBe(StableHash.Of(new string('x', 400)));
        ValueHash.Of(Value.Of("é")).ShouldBe(StableHash.Of("é"));
        ValueHash.Of(Value.Of(-0.0)).ShouldBe(ValueHash.Of(Value.Of(0.0)));
    }

    [Fact]
    public void Merging_is_adding_to_the_bit_in_any_grouping_and_order() =>
        Prop.ForAll(Parts.Arbitrary(partLengthMax: 900), parts =>
        {
            HyperLogLog whole = Of(parts.SelectMany(part => part));
            HyperLogLog left = parts.Select(Of).Aggregate(new HyperLogLog(), Merged);
            HyperLogLog right = parts.Select(Of).Reverse().Aggregate(new HyperLogLog(), Merged);
            HyperLogLog nested = parts.Select(Of).Reverse().Aggregate((tail, head) => Merged(head, tail));
            return left.HasSameState(whole) && right.HasSameState(whole) && nested.HasSameState(whole) && Merged(nested, Of(parts[0])).HasSameState(whole);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Merging_leaves_the_other_as_it_was()
    {
        HyperLogLog other = Sketch(600, seed: 3);
        HyperLogLog merged = Merged(new HyperLogLog(), other);
        for (int value = 0; value < 5_000; value++)
        {
            merged.Add(StableHash.Mix((ulong)value));
        }

        other.HasSameState(Sketch(600, seed: 3)).ShouldBeTrue();
    }

    private static HyperLogLog Sketch(int distinct, int seed)
    {
        var sketch = new HyperLogLog();
        for (int value = 0; value < distinct; value++)
        {
            sketch.Add(StableHash.Mix(((ulong)seed << 32) | (uint)value));
        }

        return sketch;
    }

    private static HyperLogLog Of(IEnumerable<int> values)
    {
        var sketch = new HyperLogLog();
        foreach (int value in values)
        {
            sketch.Add(StableHash.Mix((ulong)value));
        }

        return sketch;
    }

    private static HyperLogLog Merged(HyperLogLog left, HyperLogLog right)
    {
        left.Merge(right);
        return left;
    }
}
