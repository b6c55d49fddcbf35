using System.Numerics;

namespace OrleansFeatures.Domain.Aggregates;

/// <summary>
/// Order statistics; the formulas are SQL's percentile_cont and percentile_disc. They need one or two places of the sorted order and not the order itself, so the values are
/// only parted around the place asked for (Hoare's quickselect, Communications of the ACM 4, 1961), which takes time in proportion to their number. The values stay in one
/// room that every question parts further.
/// </summary>
internal static class Ranks
{
    /// <summary>Below this a span is sorted outright.</summary>
    private const int SortedBelow = 32;

    /// <summary>Linear interpolation at rank fraction·(n-1). Reorders the values.</summary>
    public static double Continuous<T>(Span<T> values, double fraction) where T : struct, INumber<T>
    {
        double rank = fraction * (values.Length - 1);
        int below = (int)Math.Floor(rank);
        double least = double.CreateChecked(Select(values, below));
        if (below == rank)
        {
            return least;
        }

        // Everything after a selected place is at least as great as it, so the next rank is the least of that.
        T next = values[below + 1];
        foreach (T value in values[(below + 2)..])
        {
            next = value < next ? value : next;
        }

        return least + ((rank - below) * (double.CreateChecked(next) - least));
    }

    /// <summary>The smallest value whose cumulative share is at least the fraction. Reorders the values.</summary>
    public static T Discrete<T>(Span<T> values, double fraction) where T : struct, INumber<T> => Select(values, DiscreteIndex(values.Length, fraction));

    /// <summary>Its place in the sorted order: ceil(fraction·n), counted from one.</summary>
    public static int DiscreteIndex(int count, double fraction) => Math.Max(0, (int)Math.Ceiling(fraction * count) - 1);

    /// <summary>
    /// The value at a place of the sorted order; afterwards nothing greater stands before that place and nothing less behind it. Should the pivots stay bad for longer than
    /// chance would have it, the rest is sorted, so that no order of values costs more than n log n.
    /// </summary>
    public static T Select<T>(Span<T> values, int place) where T : struct, IComparisonOperators<T, T, bool>, IComparable<T>
    {
        int low = 0;
        int high = values.Length - 1;
        int partings = 2 * BitOperations.Log2((uint)values.Length);
        while (high - low >= SortedBelow && partings-- > 0)
        {
            (int left, int right) = Part(values, low, high);
            if (place > left && place < right)
            {
                return values[place];
            }

            (low, high) = place <= left ? (low, left) : (right, high);
        }

        values[low..(high + 1)].Sort();
        return values[place];
    }

    /// <summary>Swaps until all through <c>Left</c> are at most the pivot, all from <c>Right</c> at least, and what lies between, if anything, equals it.</summary>
    private static (int Left, int Right) Part<T>(Span<T> values, int low, int high) where T : struct, IComparisonOperators<T, T, bool>, IComparable<T>
    {
        T pivot = MedianOfThree(values[low], values[low + ((high - low) / 2)], values[high]);
        int left = low;
        int right = high;
        while (left <= right)
        {
            while (values[left] < pivot)
            {
                left++;
            }

            while (values[right] > pivot)
            {
                right--;
            }

            if (left <= right)
            {
                (values[left], values[right]) = (values[right], values[left]);
                left++;
                right--;
            }
        }

        return (right, left);
    }

    private static T MedianOfThree<T>(T a, T b, T c) where T : struct, IComparisonOperators<T, T, bool>
    {
        (T low, T high) = a < b ? (a, b) : (b, a);
        return c < low ? low : c > high ? high : c;
    }
}
