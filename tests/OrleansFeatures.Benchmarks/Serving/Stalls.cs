using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace OrleansFeatures.Benchmarks.Serving;

/// <summary>
/// What the machine itself does while something is measured: on every core a thread sleeps for two milliseconds at a time and notes when it is woken late. A virtual machine whose host gives a core to somebody else for 50 ms finds its
/// thread there 50 ms late, and whatever request ran there as well. Beside it stands the share of the time that the kernel counted as stolen. Costs the machine some 2 % of one core.
/// <para>A busy core lets its sleeper wait for a few milliseconds too; so only what is <see cref="Least"/> late or more is told of as a stall, which the scheduler alone does not do to a thread that sleeps nearly always.</para>
/// </summary>
internal sealed partial class Stalls : IDisposable
{
    /// <summary>Of this length or more a stall counts.</summary>
    public static readonly TimeSpan Least = TimeSpan.FromMilliseconds(10);

    private const string Statistics = "/proc/stat";

    /// <summary>The first line of <see cref="Statistics"/> is "cpu user nice system idle iowait irq softirq steal ...", in ticks of all cores.</summary>
    private const int StealColumn = 8;

    private static readonly TimeSpan Nap = TimeSpan.FromMilliseconds(2);

    private readonly Lock _gate = new();
    private readonly List<(long From, long Until)> _stalls = [];
    private readonly Thread[] _threads;
    private readonly (long Stolen, long All) _before = Ticks();
    private readonly long _began = Stopwatch.GetTimestamp();
    private volatile bool _isOver;

    private Stalls() => _threads = [.. Enumerable.Range(0, Environment.ProcessorCount).Select(core => new Thread(() => Watch(core)) { IsBackground = true, Name = $"stalls of core {core}" })];

    /// <summary>Watches until disposed.</summary>
    public static Stalls Watch()
    {
        var stalls = new Stalls();
        foreach (Thread thread in stalls._threads)
        {
            thread.Start();
        }

        return stalls;
    }

    /// <summary>Whether any core stood still for <see cref="Least"/> or longer within these instants (of <see cref="Stopwatch"/>), or around them.</summary>
    public bool Met(long from, long until)
    {
        lock (_gate)
        {
            return _stalls.Exists(stall => stall.From < until && stall.Until > from);
        }
    }

    /// <summary>As far as it has come.</summary>
    public override string ToString()
    {
        TimeSpan[] lengths;
        lock (_gate)
        {
            lengths = [.. _stalls.Select(stall => Stopwatch.GetElapsedTime(stall.From, stall.Until)).Order()];
        }

        string stalls = lengths.Length == 0 ? "no stalls" : $"{lengths.Length} stalls of a core of {lengths[0].TotalMilliseconds:N0} to {lengths[^1].TotalMilliseconds:N0} ms, {lengths.Sum(length => length.TotalMilliseconds):N0} ms in all";
        return $"host: {StolenShare():P1} of CPU time stolen, {stalls} in {Stopwatch.GetElapsedTime(_began).TotalSeconds:N0} s";
    }

    public void Dispose()
    {
        _isOver = true;
        foreach (Thread thread in _threads)
        {
            thread.Join();
        }
    }

    private void Watch(int core)
    {
        Pin(core);
        long last = Stopwatch.GetTimestamp();
        while (!_isOver)
        {
            Thread.Sleep(Nap);
            long now = Stopwatch.GetTimestamp();
            if (Stopwatch.GetElapsedTime(last, now) >= Nap + Least)
            {
                lock (_gate)
                {
                    _stalls.Add((last, now));
                }
            }

            last = now;
        }
    }

    private double StolenShare()
    {
        (long stolen, long all) = Ticks();
        return all == _before.All ? 0 : (stolen - _before.Stolen) / (double)(all - _before.All);
    }

    private static (long Stolen, long All) Ticks()
    {
        if (!File.Exists(Statistics))
        {
            return (0, 0);
        }

        long[] ticks = [.. File.ReadLines(Statistics).First().Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1).Take(StealColumn).Select(text => long.Parse(text, CultureInfo.InvariantCulture))];
        return (ticks[StealColumn - 1], ticks.Sum());
    }

    /// <summary>Where it cannot be done the sleepers are where the kernel puts them: they see fewer stalls.</summary>
    private static void Pin(int core)
    {
        if (OperatingSystem.IsLinux() && core < 8 * sizeof(ulong))
        {
            ulong mask = 1UL << core;
            _ = SetAffinity(0, sizeof(ulong), in mask);
        }
    }

    [LibraryImport("libc", EntryPoint = "sched_setaffinity")]
    private static partial int SetAffinity(int thread, nint bytes, in ulong mask);
}
