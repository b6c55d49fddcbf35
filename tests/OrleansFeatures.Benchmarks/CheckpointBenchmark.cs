using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Entities.Embedded;

namespace OrleansFeatures.Benchmarks;

/// <summary>
/// What readers and pushers notice of checkpoints: the same load without and with them, in turns of one run. The load is open: a push or a read is due at its time whether or not the one before has come back, and counts
/// from when it was due.
/// </summary>
internal static class CheckpointBenchmark
{
    public const string About = "lookups and appends with checkpoints off and on: [--entities 300000] [--events 40000: a second] [--reads 2000: a second] [--seconds 12: of a turn] [--rounds 3] [--every 3: seconds] [--directory DIR]";
    private const int Batch = 200;

    public static async Task Run(Arguments arguments)
    {
        int entities = arguments.Number("entities", 300_000);
        var load = new Load(arguments.Number("events", 40_000), arguments.Number("reads", 2_000), TimeSpan.FromSeconds(arguments.Number("seconds", 12)));
        var every = TimeSpan.FromSeconds(arguments.Number("every", 3));
        string directory = Directory.CreateDirectory(Path.Combine(arguments.Text("directory") ?? Path.GetTempPath(), $"checkpoint-benchmark-{Guid.NewGuid():N}")).FullName;
        var options = new EmbeddedHostOptions { LogDirectory = directory, CheckpointOnClose = false, CheckpointInterval = TimeSpan.FromDays(1), CheckpointLogBytes = long.MaxValue };
        Catalog catalog = ManyEntities.Definitions();
        var events = new ManyEntities(entities);
        try
        {
            await using EmbeddedHost host = await EmbeddedHost.StartAsync(options, catalog, TimeProvider.System, NullLogger.Instance, CancellationToken.None);
            await events.PushAsync(host, entities * 5L);
            await host.CheckpointAsync(CancellationToken.None);
            Console.WriteLine($"{entities:N0} entities, {load.Events:N0} events/s in pushes of {Batch}, {load.Reads:N0} reads/s, a checkpoint every {every.TotalSeconds:N0} s in turns with them");
            Console.WriteLine($"{"checkpoints",-12}{"reads",9}{"p50 us",9}{"p99 us",9}{"p99.9",9}{"max us",10}{"pushes",9}{"p50 ms",9}{"p99 ms",9}{"p99.9",9}{"max ms",9}{"taken",7}{"entities",11}{"MB",7}{"s each",8}");
            for (int round = 0; round < arguments.Number("rounds", 3); round++)
            {
                await TurnAsync(host, catalog, events, entities, load, null);
                await TurnAsync(host, catalog, events, entities, load, every);
            }
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task TurnAsync(EmbeddedHost host, Catalog catalog, ManyEntities events, int entities, Load load, TimeSpan? every)
    {
        using var ends = new CancellationTokenSource();
        Task<(int Taken, long Entities, long Bytes, double Seconds)> checkpoints = Task.Run(() => CheckpointsAsync(host, every, ends.Token));
        Task<double[]> reads = PacedAsync(load.Reads, load.During, () => host.ReadAsync(ManyEntities.Question(catalog, Random.Shared, entities, events.Newest), CancellationToken.None).AsTask());
        Task<double[]> pushes = PacedAsync(load.Events / Batch, load.During, () => events.PushNextAsync(host, Batch));
        double[] readMicros = await reads;
        double[] pushMicros = await pushes;
        await ends.CancelAsync();
        (int taken, long saved, long bytes, double seconds) = await checkpoints;
        Console.WriteLine(
            $"{(every is null ? "off" : "on"),-12}{readMicros.Length,9:N0}{At(readMicros, 0.5),9:N0}{At(readMicros, 0.99),9:N0}{At(readMicros, 0.999),9:N0}{readMicros[^1],10:N0}{pushMicros.Length,9:N0}{At(pushMicros, 0.5) / 1e3,9:N2}{At(pushMicros, 0.99) / 1e3,9:N2}"
            + $"{At(pushMicros, 0.999) / 1e3,9:N2}{pushMicros[^1] / 1e3,9:N2}{taken,7}{saved,11:N0}{bytes / 1e6,7:N0}{(taken == 0 ? 0 : seconds / taken),8:N2}");
    }

    private static async Task<(int Taken, long Entities, long Bytes, double Seconds)> CheckpointsAsync(EmbeddedHost host, TimeSpan? every, CancellationToken ends)
    {
        (int taken, long entities, long bytes, double seconds) = (0, 0, 0, 0);
        while (every is { } pause && !ends.IsCancellationRequested)
        {
            var status = await host.CheckpointAsync(CancellationToken.None);
            (taken, entities, bytes, seconds) = (taken + 1, entities + status.Entities, bytes + status.Bytes, seconds + status.Took.TotalSeconds);
            await Task.WhenAny(Task.Delay(pause, ends));
        }

        return (taken, entities, bytes, seconds);
    }

    /// <summary>Begins so many a second, each when it is due, and gives their times from then on, in order of length.</summary>
    private static async Task<double[]> PacedAsync(int perSecond, TimeSpan during, Func<Task> act)
    {
        var micros = new System.Collections.Concurrent.ConcurrentBag<double>();
        var underway = new List<Task>();
        long begun = Stopwatch.GetTimestamp();
        int total = (int)(perSecond * during.TotalSeconds);
        await Task.Run(async () =>
        {
            for (int index = 0; index < total; index++)
            {
                long due = begun + (long)(index * (double)Stopwatch.Frequency / perSecond);
                while (Stopwatch.GetTimestamp() < due)
                {
                    await Task.Delay(1);
                }

                underway.Add(OneAsync(due));
            }
        });
        await Task.WhenAll(underway);
        return [.. micros.Order()];

        async Task OneAsync(long due)
        {
            // What a timer of a millisecond adds is not the store's: the clock starts when it is due, or when the timer let it, whichever is later within that millisecond.
            long started = Stopwatch.GetTimestamp();
            long counts = Stopwatch.GetElapsedTime(due, started).TotalMilliseconds <= 2 ? started : due;
            await act();
            micros.Add(Stopwatch.GetElapsedTime(counts).TotalMicroseconds);
        }
    }

    private static double At(double[] ordered, double share) => ordered[Math.Min(ordered.Length - 1, (int)(ordered.Length * share))];

    private sealed record Load(int Events, int Reads, TimeSpan During);
}
