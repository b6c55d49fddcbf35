using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Domain.Tests.Properties;
using OrleansFeatures.Domain.Windows;

namespace OrleansFeatures.Domain.Tests.Windows;

/// <summary>Folds of parts, merged in any grouping, are the fold of the whole.</summary>
public sealed class FoldProperties
{
    private static readonly AggregateCall[] Calls =
    [
        .. ((string[])["count(f)", "sum(f)", "mean(f)", "min(f)", "max(f)", "var_pop(f)", "var_samp(f)", "stddev_pop(f)", "skew(f)", "kurtosis(f)", "rate(f)"])
            .Select(text => AggregateCall.Parse(text, out _, out _)!),
    ];

    [Fact]
    public void Merging_is_associative_over_integers() => Property.Holds(500, Property.FromRandom(random => Cut(random, FieldType.Int64)), parts => Check(parts, FieldType.Int64));

    [Fact]
    public void Merging_is_associative_over_doubles() => Property.Holds(500, Property.FromRandom(random => Cut(random, FieldType.Double)), parts => Check(parts, FieldType.Double));

    private static void Check(long[][] parts, FieldType type)
    {
        Fold left = default;
        foreach (long[] part in parts)
        {
            left.Merge(Of(part, type), type, moments: true);
        }

        Fold right = default;
        foreach (long[] part in parts.Reverse())
        {
            Fold both = Of(part, type);
            both.Merge(right, type, moments: true);
            right = both;
        }

        Fold pairs = default;
        foreach (long[][] pair in parts.Chunk(2))
        {
            Fold both = Of(pair[0], type);
            both.Merge(pair.Length > 1 ? Of(pair[1], type) : default, type, moments: true);
            pairs.Merge(both, type, moments: true);
        }

        long[] all = [.. parts.SelectMany(part => part)];
        List<NaiveRow> rows = [.. all.Select(bits => new NaiveRow(1, Value.FromBits(type, bits)))];
        foreach (AggregateCall call in Calls)
        {
            object? expected = NaiveOracle.Compute(call, rows, new WindowSpan(10_000_000, 0, 10_000_000));
            foreach (Fold fold in (Fold[])[left, right, pairs])
            {
                FeatureValue value = fold.Compute(call, type, 10);
                Results.Same(value, expected).ShouldBeTrue($"{call} of {all.Length} in {parts.Length} parts: {Results.Show(value)}, the oracle says {Results.Show(expected)}");
            }
        }
    }

    private static Fold Of(long[] part, FieldType type) =>
        type == FieldType.Double ? Fold.Of(part.Select(BitConverter.Int64BitsToDouble).ToArray(), moments: true) : Fold.Of(part.AsSpan(), moments: true);

    private static long[][] Cut(Random random, FieldType type)
    {
        bool isExtreme = type == FieldType.Int64 && random.Next(4) == 0;
        double offset = ScenarioMaker.Pick(random, [0.0, 0, 1e3, 1e6]);
        long Number() => type == FieldType.Double ? BitConverter.DoubleToInt64Bits(Math.Round((random.NextDouble() * 200) - 100 + offset, 2))
            : isExtreme ? random.Next(3) == 0 ? long.MaxValue : random.NextInt64(long.MinValue, long.MaxValue)
            : random.Next(-1_000, 1_000) + (long)offset;
        return [.. Enumerable.Range(0, random.Next(1, 7)).Select(_ => Enumerable.Range(0, random.Next(3) == 0 ? random.Next(4) : random.Next(64)).Select(_ => Number()).ToArray())];
    }
}
