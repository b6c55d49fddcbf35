using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Embedded;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Gateway.Registry;
using OrleansFeatures.Log;

namespace OrleansFeatures.Benchmarks;

/// <summary>
/// Corrections through the embedded host: every event is inserted, then replaced in random order, then taken back in random order. A correction reads the version before it from the
/// log, so its cost beside an insert's is the price of a random read and of the extra copies.
/// </summary>
internal static class CorrectionBenchmark
{
    public const string About = "upserts and deletes in random order beside inserts, no network: [--events N] [--batch 2000] [--directory DIR]";

    public static async Task Run(Arguments arguments)
    {
        CardEvents events = CardEvents.Of(arguments);
        int batch = arguments.Number("batch", 2000);
        string directory = Directory.CreateDirectory(Path.Combine(arguments.Text("directory") ?? Path.GetTempPath(), $"correction-benchmark-{Guid.NewGuid():N}")).FullName;
        try
        {
            Console.WriteLine($"{"",-12}{"events/s",12}{"CPU us/event",14}{"log MB",8}");
            await using EmbeddedHost host = await EmbeddedHost.StartAsync(
                new EmbeddedHostOptions { LogDirectory = directory }, DefinitionReader.Read(DefinitionFolder.Read(Places.FraudDefinitions, out _)).Catalog!, TimeProvider.System, NullLogger.Instance, CancellationToken.None);
            int[] order = [.. Enumerable.Range(0, events.Count)];
            foreach (EventOperation operation in (EventOperation[])[EventOperation.Insert, EventOperation.Upsert, EventOperation.Delete])
            {
                await Round(host, events, order, operation, batch);
                new Random(1).Shuffle(order);
            }
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task Round(EmbeddedHost host, CardEvents events, int[] order, EventOperation operation, int batch)
    {
        var cpu = Environment.CpuUsage.TotalTime;
        long clock = Stopwatch.GetTimestamp();
        foreach (int[] chunk in order.Chunk(batch))
        {
            using IntakeBatch intake = await host.BeginBatchAsync(CancellationToken.None);
            Fill(intake, events, chunk, operation);
            await host.AppendAsync(intake, wait: true, CancellationToken.None);
            if (intake.Corrections.Any(outcome => outcome.Result != IntakeResult.Accepted && outcome.Result != IntakeResult.Late))
            {
                throw new InvalidOperationException("a correction was not accepted");
            }
        }

        foreach (PartitionState partition in host.Status().Partitions.Where(partition => partition.DurableOffset >= 0))
        {
            await host.WaitAppliedAsync(new PartitionOffset(new PartitionId(partition.Partition), new LogOffset(partition.DurableOffset)), CancellationToken.None);
        }

        TimeSpan took = Stopwatch.GetElapsedTime(clock);
        double cpuMicros = (Environment.CpuUsage.TotalTime - cpu).TotalMicroseconds;
        Console.WriteLine($"{operation,-12}{events.Count / took.TotalSeconds,12:N0}{cpuMicros / events.Count,14:N2}{host.Status().LogBytes / 1e6,8:N0}");
    }

    private static void Fill(IntakeBatch intake, CardEvents events, int[] chunk, EventOperation operation)
    {
        var stream = intake.Catalog.Stream("transactions")!;
        Span<Value> fields = new Value[6];
        foreach (int index in chunk)
        {
            fields[0] = Value.Of(events.Ids[index]);
            fields[1] = Value.Of(new EventTime(events.Times[index]));
            fields[2] = Value.Of(events.Customer[index]);
            fields[3] = Value.Of(events.Terminal[index]);
            fields[4] = Value.Of(events.Amounts[index] + (operation == EventOperation.Upsert ? 1 : 0));
            fields[5] = Value.Of(events.Frauds[index]);
            intake.Add(stream, stream.Version(0)!, fields, new Provenance { Operation = operation }, out _);
        }
    }
}
