using System.Diagnostics;

namespace OrleansFeatures.Benchmarks.Kernel;

/// <summary>
/// What one read of main memory takes when the next address depends on it: figures over a million entities are worth nothing without it, and it tells a machine that is
/// doing something else.
/// </summary>
internal static class MemoryWait
{
    private const int Places = 1 << 26;
    private const int Steps = 2_000_000;

    /// <summary>Any odd number of the size of <see cref="Places"/> makes, with a multiplier of 4k + 1, one cycle through all places that no prefetcher follows.</summary>
    private const uint Multiplier = 1_664_525;
    private const uint Increment = 1_013_904_223;

    public static double Nanoseconds()
    {
        int[] next = new int[Places];
        for (int place = 0; place < Places; place++)
        {
            next[place] = (int)(((uint)place * Multiplier + Increment) & (Places - 1));
        }

        int at = 0;
        long start = Stopwatch.GetTimestamp();
        for (int step = 0; step < Steps; step++)
        {
            at = next[at];
        }

        double nanoseconds = Stopwatch.GetElapsedTime(start).TotalNanoseconds / Steps;
        return at >= 0 ? nanoseconds : double.NaN;
    }
}
