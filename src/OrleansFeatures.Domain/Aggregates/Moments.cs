using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace OrleansFeatures.Domain.Aggregates;

/// <summary>
/// The central moments of a set of numbers, from which variance, skewness and kurtosis follow: Mₖ is the sum of (x - mean)ᵏ. Those of two sets give those of their union, so
/// chunks keep them; a set whose values are all equal has exactly zero for M₂, M₃ and M₄, and its value for its mean.
/// </summary>
internal readonly record struct Moments(long Count, double Mean, double M2, double M3, double M4)
{
    /// <summary>
    /// In two passes, with the correction for the mean's own rounding (Chan, Golub, LeVeque, The American Statistician 37, 1983, eq. 1.7, and the same for the higher
    /// moments). No cancellation, unlike Σ x² - n·mean².
    /// </summary>
    public static Moments Of(ReadOnlySpan<double> values)
    {
        if (values.IsEmpty)
        {
            return default;
        }

        if (!values.ContainsAnyExcept(values[0]))
        {
            return new Moments(values.Length, values[0], 0, 0, 0);
        }

        double n = values.Length;
        double mean = Sums.Of(values) / n;
        (double d1, double d2, double d3, double d4) = Deviations(values, mean);
        double shift = d1 / n;
        double square = shift * shift;
        return new Moments(
            values.Length,
            mean + shift,
            Math.Max(0, d2 - (n * square)),
            d3 - (3 * shift * d2) + (2 * n * square * shift),
            Math.Max(0, d4 - (4 * shift * d3) + (6 * square * d2) - (3 * n * square * square)));
    }

    /// <summary>The moments of both sets together (Pébay, Sandia report SAND2008-6212, eq. 1.5 and those after it).</summary>
    public static Moments Merge(in Moments left, in Moments right)
    {
        if (left.Count == 0 || right.Count == 0)
        {
            return left.Count == 0 ? right : left;
        }

        double a = left.Count;
        double b = right.Count;
        double n = a + b;
        double delta = right.Mean - left.Mean;
        double step = delta / n;
        double spread = delta * step * a * b;
        return new Moments(
            left.Count + right.Count,
            left.Mean + (step * b),
            left.M2 + right.M2 + spread,
            left.M3 + right.M3 + (spread * step * (a - b)) + (3 * step * ((a * right.M2) - (b * left.M2))),
            left.M4 + right.M4 + (spread * step * step * ((a * a) - (a * b) + (b * b)))
                + (6 * step * step * ((a * a * right.M2) + (b * b * left.M2))) + (4 * step * ((a * right.M3) - (b * left.M3))));
    }

    /// <summary>The aggregate's value; null where there are too few numbers for it, or no spread. Not finite where a moment lies beyond the largest double.</summary>
    public double? Result(AggregateKind kind) => kind switch
    {
        AggregateKind.VarPop => Count < 1 ? null : M2 / Count,
        AggregateKind.VarSamp => Count < 2 ? null : M2 / (Count - 1),
        AggregateKind.StddevPop => Count < 1 ? null : Math.Sqrt(M2 / Count),
        AggregateKind.StddevSamp => Count < 2 ? null : Math.Sqrt(M2 / (Count - 1)),
        AggregateKind.Skew => Skew(),
        AggregateKind.Kurtosis => Kurtosis(),
        _ => throw new InvariantException($"{kind} does not follow from moments"),
    };

    /// <summary>G₁ of <see cref="AggregateKind.Skew"/>, written in sums: n √(n-1) / (n-2) · M₃ / M₂^1.5.</summary>
    private double? Skew()
    {
        double n = Count;
        double scale = M2 * Math.Sqrt(M2);
        return Count < 3 || scale == 0 ? null : n * Math.Sqrt(n - 1) / (n - 2) * M3 / scale;
    }

    /// <summary>G₂ of <see cref="AggregateKind.Kurtosis"/>, written in sums: (n-1) / ((n-2)(n-3)) · (n (n+1) M₄ / M₂² - 3 (n-1)).</summary>
    private double? Kurtosis()
    {
        double n = Count;
        double scale = M2 * M2;
        return Count < 4 || scale == 0 ? null : (n - 1) / ((n - 2) * (n - 3)) * ((n * (n + 1) * M4 / scale) - (3 * (n - 1)));
    }

    /// <summary>The sums of the first four powers of (x - mean), in lanes as <see cref="Sums"/>.</summary>
    private static (double D1, double D2, double D3, double D4) Deviations(ReadOnlySpan<double> values, double mean)
    {
        ReadOnlySpan<Vector256<double>> steps = MemoryMarshal.Cast<double, Vector256<double>>(values);
        Vector256<double> means = Vector256.Create(mean);
        Vector256<double> s1 = Vector256<double>.Zero;
        Vector256<double> s2 = Vector256<double>.Zero;
        Vector256<double> s3 = Vector256<double>.Zero;
        Vector256<double> s4 = Vector256<double>.Zero;
        foreach (Vector256<double> step in steps)
        {
            Vector256<double> deviation = step - means;
            Vector256<double> square = deviation * deviation;
            s1 += deviation;
            s2 += square;
            s3 += square * deviation;
            s4 += square * square;
        }

        (double d1, double d2, double d3, double d4) = (Vector256.Sum(s1), Vector256.Sum(s2), Vector256.Sum(s3), Vector256.Sum(s4));
        foreach (double value in values[(steps.Length * Vector256<double>.Count)..])
        {
            double deviation = value - mean;
            double square = deviation * deviation;
            d1 += deviation;
            d2 += square;
            d3 += square * deviation;
            d4 += square * square;
        }

        return (d1, d2, d3, d4);
    }
}
