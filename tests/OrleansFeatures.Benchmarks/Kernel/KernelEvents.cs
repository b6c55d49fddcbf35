using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain;

namespace OrleansFeatures.Benchmarks.Kernel;

/// <summary>One event of the kernel's stream.</summary>
internal readonly record struct KernelEvent(long Id, long Key, long TimeMicros, long ArrivalMicros, double Amount);

/// <summary>What a stream is made of.</summary>
/// <param name="Name">For tables.</param>
/// <param name="Keys">Different entities.</param>
/// <param name="EventsPerDay">Of all entities together; arrivals are evenly spaced.</param>
/// <param name="Zipf">The exponent of the keys' frequencies; zero makes them equally frequent.</param>
/// <param name="WholeMilliseconds">Whether event times are whole milliseconds. Arrival times are microseconds always, as those of a live store.</param>
internal sealed record KernelWorkload(string Name, int Keys, long EventsPerDay, double Zipf, bool WholeMilliseconds, Duration? History = null)
{
    public long MicrosPerEvent => 86_400_000_000 / EventsPerDay;
}

/// <summary>
/// A made-up stream in the order of arrival, without end and the same every time: one event in ten is up to 60 seconds old when it comes, the others 5 milliseconds; one in a hundred
/// is one of the last few thousand again, with the same id.
/// </summary>
internal sealed class KernelEvents
{
    public const int Seed = 20260731;
    private const long FirstMicros = 1_767_225_600_000_000; // 2026-01-01T00:00:00Z
    private const int LateOneIn = 10;
    private const int LateMicrosMax = 60_000_000;
    private const int OnTimeMicros = 5_000;
    private const int AgainOneIn = 100;
    private const int RecentEvents = 4_096;

    private readonly Random _random = new(Seed);
    private readonly KernelEvent[] _recent = new KernelEvent[RecentEvents];
    private readonly KernelWorkload _workload;
    private readonly double[] _cumulative;
    private long _count;

    public KernelEvents(KernelWorkload workload)
    {
        _workload = workload;
        _cumulative = workload.Zipf > 0 ? Frequencies(workload) : [];
    }

    /// <summary>The newest event time so far.</summary>
    public long StreamTimeMicros { get; private set; }

    public static long KeyOf(int rank) => (long)(StableHash.Mix((ulong)rank) >> 1);

    public void Next(Span<KernelEvent> events)
    {
        foreach (ref KernelEvent next in events)
        {
            long arrival = FirstMicros + (_count * _workload.MicrosPerEvent) + _random.Next((int)_workload.MicrosPerEvent);
            next = _count > RecentEvents && _random.Next(AgainOneIn) == 0
                ? _recent[_random.Next(RecentEvents)] with { ArrivalMicros = arrival }
                : New(arrival);
            _recent[_count++ % RecentEvents] = next;
            StreamTimeMicros = Math.Max(StreamTimeMicros, next.TimeMicros);
        }
    }

    /// <summary>A key as the stream draws them, or each as often as any other.</summary>
    public long AnyKey(bool uniform) => KeyOf(uniform || _cumulative.Length == 0 ? _random.Next(_workload.Keys) : ZipfRank());

    private KernelEvent New(long arrival)
    {
        long time = arrival - (_random.Next(LateOneIn) == 0 ? _random.Next(LateMicrosMax) : OnTimeMicros);
        return new KernelEvent(_count, AnyKey(uniform: false), _workload.WholeMilliseconds ? time / 1_000 * 1_000 : time, arrival, Math.Round(_random.NextDouble() * 1_000, 2));
    }

    private int ZipfRank()
    {
        int at = Array.BinarySearch(_cumulative, _random.NextDouble());
        return at < 0 ? Math.Min(~at, _cumulative.Length - 1) : at;
    }

    private static double[] Frequencies(KernelWorkload workload)
    {
        var cumulative = new double[workload.Keys];
        double sum = 0;
        for (int rank = 0; rank < cumulative.Length; rank++)
        {
            cumulative[rank] = sum += Math.Pow(rank + 1, -workload.Zipf);
        }

        for (int rank = 0; rank < cumulative.Length; rank++)
        {
            cumulative[rank] /= sum;
        }

        return cumulative;
    }
}
