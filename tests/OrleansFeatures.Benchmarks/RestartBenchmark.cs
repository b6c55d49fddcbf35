using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Entities.Embedded;

namespace OrleansFeatures.Benchmarks;

/// <summary>
/// How long a store takes to come back, and to be as fast as before, with ever more history behind its last checkpoint. It should go with the number of entities, with the ids within the horizon and with the log since
/// the checkpoint, not with history.
/// </summary>
internal static class RestartBenchmark
{
    public const string About = "restart behind a checkpoint: [--entities 1000000] [--records 50000000] [--steps 3] [--tail 500000: records since the checkpoint] [--directory DIR]";

    public static async Task Run(Arguments arguments)
    {
        int entities = arguments.Number("entities", 1_000_000);
        int records = arguments.Number("records", 50_000_000);
        int steps = arguments.Number("steps", 3);
        int tail = arguments.Number("tail", 500_000);
        string directory = Directory.CreateDirectory(Path.Combine(arguments.Text("directory") ?? Path.GetTempPath(), $"restart-benchmark-{Guid.NewGuid():N}")).FullName;
        var options = new EmbeddedHostOptions
        {
            LogDirectory = Path.Combine(directory, "log"), StateDirectory = Path.Combine(directory, "state"), CheckpointOnClose = false,
        };
        var events = new ManyEntities(entities);
        Catalog catalog = ManyEntities.Definitions();
        try
        {
            Console.WriteLine($"{entities:N0} entities, {tail:N0} records since the checkpoint; state without one is made from the whole log");
            Console.WriteLine($"{"records",14}{"log MB",9}{"state MB",10}{"checkpoint s",14}{"ready s",9}{"full speed s",14}{"reads/s before",16}{"cold",10}{"after",10}");
            for (int step = 1; step <= steps; step++)
            {
                await StepAsync(options, catalog, events, entities, (long)records * step / steps, tail);
            }
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task StepAsync(EmbeddedHostOptions options, Catalog catalog, ManyEntities events, int entities, long records, int tail)
    {
        double before;
        double checkpointSeconds;
        await using (EmbeddedHost host = await EmbeddedHost.StartAsync(options, catalog, TimeProvider.System, NullLogger.Instance, CancellationToken.None))
        {
            while (events.Count < records)
            {
                await events.PushAsync(host, Math.Min(2_000_000, records - events.Count));
            }

            long saving = Stopwatch.GetTimestamp();
            await host.CheckpointAsync(CancellationToken.None);
            checkpointSeconds = Stopwatch.GetElapsedTime(saving).TotalSeconds;
            await events.PushAsync(host, tail);
            await ReadAsync(host, catalog, events, entities, TimeSpan.FromSeconds(2));
            before = await ReadAsync(host, catalog, events, entities, TimeSpan.FromSeconds(2));
        }

        GC.Collect();
        long starting = Stopwatch.GetTimestamp();
        await using EmbeddedHost again = await EmbeddedHost.StartAsync(options, catalog, TimeProvider.System, NullLogger.Instance, CancellationToken.None);
        double ready = Stopwatch.GetElapsedTime(starting).TotalSeconds;
        double cold = await ReadAsync(again, catalog, events, entities, TimeSpan.FromSeconds(0.5));
        double after = cold;
        while (after < 0.9 * before && Stopwatch.GetElapsedTime(starting).TotalSeconds < 60)
        {
            after = await ReadAsync(again, catalog, events, entities, TimeSpan.FromSeconds(0.5));
        }

        double full = Stopwatch.GetElapsedTime(starting).TotalSeconds;
        var status = again.Status();
        Console.WriteLine(
            $"{status.Partitions.Sum(partition => partition.DurableOffset + 1),14:N0}{status.LogBytes / 1e6,9:N0}{status.Checkpoints.StateBytes / 1e6,10:N0}{checkpointSeconds,14:N2}{ready,9:N2}{full,14:N2}{before,16:N0}{cold,10:N0}{after,10:N0}");
    }

    /// <summary>Reads of entities at random by four readers; how many a second.</summary>
    private static async Task<double> ReadAsync(EmbeddedHost host, Catalog catalog, ManyEntities events, int entities, TimeSpan during)
    {
        long begun = Stopwatch.GetTimestamp();
        int[] reads = await Task.WhenAll(Enumerable.Range(0, 4).Select(reader => Task.Run(async () =>
        {
            var random = new Random(reader + (int)begun);
            int count = 0;
            while (Stopwatch.GetElapsedTime(begun) < during)
            {
                await host.ReadAsync(ManyEntities.Question(catalog, random, entities, events.Newest), CancellationToken.None);
                count++;
            }

            return count;
        })));
        return reads.Sum() / Stopwatch.GetElapsedTime(begun).TotalSeconds;
    }
}
