namespace OrleansFeatures.Domain.Aggregates;

/// <summary>
/// Sums and what follows from them, over one window's values in time order. The order is fixed by (event time, event id), so the same set
/// of events gives the same bits however it arrived.
/// </summary>
internal static class Moments
{
    /// <summary>Neumaier's compensated sum (Z. Angew. Math. Mech. 54, 1974): the error does not grow with the number of values.</summary>
    public static double Sum(ReadOnlySpan<double> values)
    {
        double sum = 0;
        double lost = 0;
        foreach (double value in values)
        {
            double next = sum + value;
            lost += Math.Abs(sum) >= Math.Abs(value) ? sum - next + value : value - next + sum;
            sum = next;
        }

        return sum + lost;
    }

    /// <summary>Exact: 128 bits hold 2^64 values of 64 bits.</summary>
    public static Int128 Sum(ReadOnlySpan<long> values)
    {
        Int128 sum = 0;
        foreach (long value in values)
        {
            sum += value;
        }

        return sum;
    }

    /// <summary>
    /// The sum of squared deviations from the mean, in two passes with the correction for the mean's own rounding (Chan, Golub, LeVeque,
    /// The American Statistician 37, 1983, eq. 1.7). No cancellation, unlike sum(x²) - n·mean².
    /// </summary>
    public static double SquaredDeviations(ReadOnlySpan<double> values)
    {
        double mean = Sum(values) / values.Length;
        double squares = 0;
        double deviations = 0;
        foreach (double value in values)
        {
            double deviation = value - mean;
            squares += deviation * deviation;
            deviations += deviation;
        }

        return Math.Max(0, squares - (deviations * deviations / values.Length));
    }
}
