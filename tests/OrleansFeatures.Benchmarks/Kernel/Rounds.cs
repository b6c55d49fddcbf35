using System.Diagnostics;

namespace OrleansFeatures.Benchmarks.Kernel;

/// <summary>Nanoseconds per operation of many rounds. The median stands for all: the machine may be doing something else in some of them.</summary>
internal sealed class Rounds
{
    private readonly List<double> _nanoseconds = [];
    private long _operations;

    public double Median => At(0.5);

    /// <summary>Bytes allocated on this thread by one operation, over all rounds.</summary>
    public double AllocatedBytes => (double)Allocated / Math.Max(1, _operations);

    private long Allocated { get; set; }

    public void Time(int operations, Action action)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        long start = Stopwatch.GetTimestamp();
        action();
        _nanoseconds.Add(Stopwatch.GetElapsedTime(start).TotalNanoseconds / operations);
        Allocated += GC.GetAllocatedBytesForCurrentThread() - before;
        _operations += operations;
    }

    /// <summary>The median, and between which values nine rounds in ten lie.</summary>
    public override string ToString() => $"{Median:N0} ({At(0.05):N0}-{At(0.95):N0})";

    private double At(double part)
    {
        double[] sorted = [.. _nanoseconds.Order()];
        return sorted.Length == 0 ? double.NaN : sorted[(int)Math.Min(sorted.Length - 1, sorted.Length * part)];
    }
}
