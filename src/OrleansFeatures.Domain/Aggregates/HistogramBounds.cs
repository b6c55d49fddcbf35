using System.Collections.Immutable;

namespace OrleansFeatures.Domain.Aggregates;

/// <summary>The bounds b₁ &lt; b₂ &lt; … of a histogram, whose bins are (-∞, b₁], (b₁, b₂], …, (bₙ, +∞). Equal when the numbers are.</summary>
public sealed class HistogramBounds(ImmutableArray<double> values) : IEquatable<HistogramBounds>
{
    /// <summary>Ascending, finite, at least one.</summary>
    public ImmutableArray<double> Values => values;

    public int BinCount => values.Length + 1;

    /// <summary>The bin that a value falls into, counted from zero.</summary>
    public int BinOf(double value)
    {
        int low = 0;
        int high = values.Length;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            (low, high) = value <= values[middle] ? (low, middle) : (middle + 1, high);
        }

        return low;
    }

    /// <summary>The same for an integer, also beyond 2^53, where a double no longer tells neighbours apart.</summary>
    public int BinOf(long value)
    {
        int low = 0;
        int high = values.Length;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            (low, high) = IsAtMost(value, values[middle]) ? (low, middle) : (middle + 1, high);
        }

        return low;
    }

    public bool Equals(HistogramBounds? other) => other is not null && values.AsSpan().SequenceEqual(other.Values.AsSpan());

    public override bool Equals(object? obj) => Equals(obj as HistogramBounds);

    public override int GetHashCode() => (int)StableHash.Mix((ulong)BitConverter.DoubleToInt64Bits(values[0])) ^ values.Length;

    public override string ToString() => string.Join(", ", values);

    /// <summary>2^63 is the first double beyond int64, and -2^63 still is one.</summary>
    private static bool IsAtMost(long value, double bound) => bound >= -(double)long.MinValue || (bound >= long.MinValue && value <= (long)Math.Floor(bound));
}
