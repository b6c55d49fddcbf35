using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace OrleansFeatures.Domain.Aggregates;

/// <summary>
/// Sums over one window's values in their order, four lanes side by side:
/// <code>
///   x₁ x₂ x₃ x₄ | x₅ x₆ x₇ x₈ | … | the rest
///   lane 0: x₁ + x₅ + …     lane 1: x₂ + x₆ + …     …     at the end the lanes and the rest are added up
/// </code>
/// The order is fixed by (event time, event id) and the lanes are four on every machine, whatever its vectors' width, so the same set of events gives the same bits
/// however it arrived and wherever it is read.
/// </summary>
internal static class Sums
{
    /// <summary>Shorter spans are not worth the lanes' set-up.</summary>
    private const int LanesFrom = 16;

    /// <summary>Compensated: the error does not grow with the number of values.</summary>
    public static double Of(ReadOnlySpan<double> values)
    {
        (double high, double low) = Parts(values);
        return high + low;
    }

    /// <summary>
    /// The sum as a rounded part and what rounding lost: every addition's error is found exactly (Knuth, The Art of Computer Programming 2, 4.2.2, theorem B) and summed up
    /// apart, as in Neumaier's sum (Z. Angew. Math. Mech. 54, 1974).
    /// </summary>
    public static (double High, double Low) Parts(ReadOnlySpan<double> values)
    {
        double high = 0;
        double low = 0;
        if (values.Length >= LanesFrom)
        {
            ReadOnlySpan<Vector256<double>> steps = MemoryMarshal.Cast<double, Vector256<double>>(values);
            Vector256<double> highs = Vector256<double>.Zero;
            Vector256<double> lows = Vector256<double>.Zero;
            foreach (Vector256<double> step in steps)
            {
                Vector256<double> next = highs + step;
                Vector256<double> added = next - highs;
                lows += (highs - (next - added)) + (step - added);
                highs = next;
            }

            for (int lane = 0; lane < Vector256<double>.Count; lane++)
            {
                Add(ref high, ref low, highs[lane]);
                low += lows[lane];
            }

            values = values[(steps.Length * Vector256<double>.Count)..];
        }

        foreach (double value in values)
        {
            Add(ref high, ref low, value);
        }

        return (high, low);
    }

    /// <summary>
    /// Exact. The upper and lower halves of the numbers, made unsigned by an offset of 2^63, are summed apart: 2^31 halves of 32 bits stay below 2^63, and a span has no more.
    /// </summary>
    public static Int128 Of(ReadOnlySpan<long> values)
    {
        Int128 sum = 0;
        if (values.Length >= LanesFrom)
        {
            ReadOnlySpan<Vector256<ulong>> steps = MemoryMarshal.Cast<long, Vector256<ulong>>(values);
            Vector256<ulong> offset = Vector256.Create(1UL << 63);
            Vector256<ulong> lowHalf = Vector256.Create((ulong)uint.MaxValue);
            Vector256<ulong> highs = Vector256<ulong>.Zero;
            Vector256<ulong> lows = Vector256<ulong>.Zero;
            foreach (Vector256<ulong> step in steps)
            {
                Vector256<ulong> unsigned = step ^ offset;
                highs += unsigned >>> 32;
                lows += unsigned & lowHalf;
            }

            int taken = steps.Length * Vector256<ulong>.Count;
            sum = ((Int128)Vector256.Sum(highs) << 32) + Vector256.Sum(lows) - ((Int128)taken << 63);
            values = values[taken..];
        }

        foreach (long value in values)
        {
            sum += value;
        }

        return sum;
    }

    /// <summary>One step of the sum in two parts, for whoever folds as it goes.</summary>
    public static void Add(ref double high, ref double low, double value)
    {
        double next = high + value;
        double added = next - high;
        low += (high - (next - added)) + (value - added);
        high = next;
    }
}
