namespace OrleansFeatures.Domain.Aggregates;

/// <summary>Order statistics over sorted values; the formulas are SQL's percentile_cont and percentile_disc.</summary>
internal static class Ranks
{
    /// <summary>Linear interpolation at rank fraction·(n-1).</summary>
    public static double Continuous(ReadOnlySpan<double> sorted, double fraction)
    {
        double rank = fraction * (sorted.Length - 1);
        int below = (int)Math.Floor(rank);
        int above = (int)Math.Ceiling(rank);
        return below == above ? sorted[below] : sorted[below] + ((rank - below) * (sorted[above] - sorted[below]));
    }

    /// <summary>The place of the smallest value whose cumulative share is at least the fraction: ceil(fraction·n), counted from one.</summary>
    public static int DiscreteIndex(int count, double fraction) => Math.Max(0, (int)Math.Ceiling(fraction * count) - 1);

    /// <summary>Runs of equal values in a sorted span.</summary>
    public static long Distinct<T>(ReadOnlySpan<T> sorted) where T : IEquatable<T>
    {
        long distinct = sorted.Length == 0 ? 0 : 1;
        for (int index = 1; index < sorted.Length; index++)
        {
            distinct += sorted[index].Equals(sorted[index - 1]) ? 0 : 1;
        }

        return distinct;
    }
}
