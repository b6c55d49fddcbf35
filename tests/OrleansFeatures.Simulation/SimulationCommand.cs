using System.Diagnostics;
using System.Globalization;

namespace OrleansFeatures.Simulation;

/// <summary>Runs seeds one after the other on every core: for some minutes, or so many of them, or a single one.</summary>
internal static class SimulationCommand
{
    private const string Usage = """
        Simulates whole stores: crashes, torn writes, full disks, and clients that check every answer.

          --minutes N   for so long
          --seeds N     so many seeds
          --seed S      this one, or from this one on; a failure names its seed
        """;

    public static int Run(string[] args)
    {
        if (!TryParse(args, out double? minutes, out int? seeds, out int? first))
        {
            Console.WriteLine(Usage);
            return 2;
        }

        int from = first ?? 1;
        int count = seeds ?? (minutes is not null ? int.MaxValue - from : 1);
        Tally total = RunAll(from, count, TimeSpan.FromMinutes(minutes ?? 24 * 60), out List<SeedResult> failures);
        foreach (SeedResult failure in failures.OrderBy(failure => failure.Seed))
        {
            Console.WriteLine($"{Environment.NewLine}{failure.Violation}");
        }

        Console.WriteLine($"{Environment.NewLine}{total}");
        return failures.Count > 0 ? 1 : 0;
    }

    /// <summary>Runs seeds on all cores until they or the time are at an end, or too many have failed.</summary>
    internal static Tally RunAll(int from, int count, TimeSpan time, out List<SeedResult> failures)
    {
        const int FailuresMax = 5;
        var total = new Tally();
        var failed = new List<SeedResult>();
        var gate = new Lock();
        long started = Stopwatch.GetTimestamp();
        var lastLine = TimeSpan.Zero;
        Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, (index, loop) =>
        {
            if (loop.IsStopped)
            {
                return;
            }

            SeedResult result = StoreSimulation.Run(from + index);
            lock (gate)
            {
                total.Add(result.Tally);
                if (result.Violation is not null)
                {
                    failed.Add(result);
                }

                TimeSpan elapsed = Stopwatch.GetElapsedTime(started);
                if (elapsed > time || failed.Count >= FailuresMax)
                {
                    loop.Stop();
                }

                if (elapsed - lastLine > TimeSpan.FromSeconds(10))
                {
                    lastLine = elapsed;
                    Console.WriteLine($"{elapsed:hh\\:mm\\:ss}  {total.Seeds:N0} seeds, {total.Acknowledged:N0} acknowledged, {total.PowerLosses + total.Kills:N0} crashes, {total.Violations} violations");
                }
            }
        });
        failures = failed;
        return total;
    }

    private static bool TryParse(string[] args, out double? minutes, out int? seeds, out int? first)
    {
        (minutes, seeds, first) = (null, null, null);
        for (int index = 0; index + 1 < args.Length; index += 2)
        {
            if (!double.TryParse(args[index + 1], CultureInfo.InvariantCulture, out double number) || number < 0)
            {
                return false;
            }

            switch (args[index])
            {
                case "--minutes":
                    minutes = number;
                    break;
                case "--seeds":
                    seeds = (int)number;
                    break;
                case "--seed":
                    first = (int)number;
                    break;
                default:
                    return false;
            }
        }

        return args.Length % 2 == 0;
    }
}
