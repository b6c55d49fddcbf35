using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace OrleansFeatures.Server.Load;

/// <summary>
/// The machine's monotonic clock. A sleeper is woken late, by some tens of microseconds, which would be counted as the server's. So the sleep ends
/// early by a margin, and the rest of the wait is a spin:
/// <code>
///   |---------- sleep ----------|~~ woken late ~~|- spin -|due
///                                \_________ margin ______/
/// </code>
/// Spinning takes CPU from the server under test; so the margin is chosen such that all spins together take at most
/// <see cref="Limits.LoadSpinShare"/> of one core, which means that the pace is exact where it matters, at low rates.
/// </summary>
internal sealed partial class MonotonicClock : ILoadClock
{
    private const int SetTimerSlack = 29;

    private readonly long _margin;

    /// <param name="peakRate">Arrivals a second, at most.</param>
    public MonotonicClock(double peakRate) =>
        _margin = (long)Math.Min(Limits.LoadSpinNanosecondsMax, Limits.LoadSpinShare * 1e9 / Math.Max(1, peakRate));

    public long Now => Stopwatch.GetTimestamp() * (1_000_000_000 / Stopwatch.Frequency);

    public TimeSpan CpuTime => Environment.CpuUsage.TotalTime;

    /// <summary>Asks the kernel, once for the calling thread, to wake it when it is due and not up to 50 us later, as it does to save power. Does nothing elsewhere than on Linux.</summary>
    public static void PrepareThread()
    {
        if (OperatingSystem.IsLinux() && Control(SetTimerSlack, 1) != 0)
        {
            throw new Win32Exception(Marshal.GetLastPInvokeError(), "prctl(PR_SET_TIMERSLACK) failed");
        }
    }

    public void SleepUntil(long instant)
    {
        for (long left = instant - Now; left > 0; left = instant - Now)
        {
            if (left > _margin)
            {
                Sleep(left - _margin);
            }
            else
            {
                Thread.SpinWait(Limits.LoadSpinIterations);
            }
        }
    }

    public bool Take(SemaphoreSlim permits, long until) =>
        permits.Wait(0) || permits.Wait(TimeSpan.FromMicroseconds(Math.Max(0, until - Now) / 1_000));

    private static void Sleep(long nanoseconds)
    {
        if (OperatingSystem.IsLinux())
        {
            // A signal may end it early; whoever waits looks at the clock again.
            var time = new TimeSpec(nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000);
            _ = NanoSleep(in time, 0);
        }
        else
        {
            Thread.Sleep(TimeSpan.FromMilliseconds(nanoseconds / 1_000_000));
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct TimeSpec(nint Seconds, nint Nanoseconds)
    {
        public TimeSpec(long seconds, long nanoseconds)
            : this((nint)seconds, (nint)nanoseconds)
        {
        }
    }

    [LibraryImport("libc", EntryPoint = "nanosleep", SetLastError = true)]
    private static partial int NanoSleep(in TimeSpec time, nint remaining);

    [LibraryImport("libc", EntryPoint = "prctl", SetLastError = true)]
    private static partial int Control(int option, nuint value);
}
