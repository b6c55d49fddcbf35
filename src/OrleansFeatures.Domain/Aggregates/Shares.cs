using System.Numerics;

namespace OrleansFeatures.Domain.Aggregates;

/// <summary>What follows from how often each of the different values occurs.</summary>
internal static class Shares
{
    /// <summary>
    /// <see cref="AggregateKind.Entropy"/>, as log₂ n - Σ c log₂ c / n, where one value only gives zero exactly.
    /// </summary>
    /// <param name="occurrences">Of each value; zeros count nothing.</param>
    /// <param name="rest">Further occurrences, of values that are not known,</param>
    /// <param name="restValues">spread evenly over so many.</param>
    public static double Entropy<T>(ReadOnlySpan<T> occurrences, long rest = 0, long restValues = 0) where T : struct, IBinaryInteger<T>
    {
        if (occurrences.Length == 1 && rest == 0)
        {
            return 0;
        }

        (double high, double low) = (0, 0);
        long total = rest;
        foreach (T occurrence in occurrences)
        {
            long count = long.CreateChecked(occurrence);
            total += count;
            Sums.Add(ref high, ref low, count > 0 ? count * Math.Log2(count) : 0);
        }

        if (rest > 0)
        {
            Sums.Add(ref high, ref low, rest * Math.Log2((double)rest / restValues));
        }

        return Math.Log2(total) - ((high + low) / total);
    }
}
