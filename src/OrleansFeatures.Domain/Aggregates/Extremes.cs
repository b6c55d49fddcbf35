using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace OrleansFeatures.Domain.Aggregates;

/// <summary>The least and the greatest of values that are not empty, four at a time.</summary>
internal static class Extremes
{
    public static T Least<T>(ReadOnlySpan<T> values) where T : struct, INumber<T>
    {
        T least = values[0];
        if (values.Length >= Vector256<T>.Count)
        {
            ReadOnlySpan<Vector256<T>> steps = MemoryMarshal.Cast<T, Vector256<T>>(values);
            Vector256<T> leasts = steps[0];
            foreach (Vector256<T> step in steps)
            {
                leasts = Vector256.ConditionalSelect(Vector256.LessThan(step, leasts), step, leasts);
            }

            for (int lane = 0; lane < Vector256<T>.Count; lane++)
            {
                least = leasts[lane] < least ? leasts[lane] : least;
            }

            values = values[(steps.Length * Vector256<T>.Count)..];
        }

        foreach (T value in values)
        {
            least = value < least ? value : least;
        }

        return least;
    }

    public static T Greatest<T>(ReadOnlySpan<T> values) where T : struct, INumber<T>
    {
        T greatest = values[0];
        if (values.Length >= Vector256<T>.Count)
        {
            ReadOnlySpan<Vector256<T>> steps = MemoryMarshal.Cast<T, Vector256<T>>(values);
            Vector256<T> greatests = steps[0];
            foreach (Vector256<T> step in steps)
            {
                greatests = Vector256.ConditionalSelect(Vector256.GreaterThan(step, greatests), step, greatests);
            }

            for (int lane = 0; lane < Vector256<T>.Count; lane++)
            {
                greatest = greatests[lane] > greatest ? greatests[lane] : greatest;
            }

            values = values[(steps.Length * Vector256<T>.Count)..];
        }

        foreach (T value in values)
        {
            greatest = value > greatest ? value : greatest;
        }

        return greatest;
    }
}
