using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Embedded;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Gateway.Registry;
using OrleansFeatures.Log;

namespace OrleansFeatures.Benchmarks;

/// <summary>
/// The embedded host without a network: events into batches, batches into the log with fsync, records into entities. What end-to-end has on top
/// of this is the gateway, the transport and the client.
/// </summary>
internal static class HostBenchmark
{
    public const string About = "events through the embedded host, no network: [--file FILE | --events N] [--feeders 4] [--batch 2000] [--in-flight 8] [--directory DIR]";

    public static async Task Run(Arguments arguments)
    {
        CardEvents events = CardEvents.Of(arguments);
        int feeders = arguments.Number("feeders", 4);
        int batch = arguments.Number("batch", 2000);
        int inFlight = arguments.Number("in-flight", 8);
        string directory = Directory.CreateDirectory(Path.Combine(arguments.Text("directory") ?? Path.GetTempPath(), $"host-benchmark-{Guid.NewGuid():N}")).FullName;
        try
        {
            Console.WriteLine($"{"",-12}{"events/s",12}{"CPU us/event",14}{"log MB",8}{"bytes/record",14}");

            // The first round warms the code up; the others count.
            foreach (string round in (string[])["warm-up", "round 1", "round 2", "round 3"])
            {
                await Round(round, events, Path.Combine(directory, round), feeders, batch, inFlight);
            }
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task Round(string name, CardEvents events, string directory, int feeders, int batch, int inFlight)
    {
        await using EmbeddedHost host = await EmbeddedHost.StartAsync(
            new EmbeddedHostOptions { LogDirectory = directory }, FraudCatalog(), TimeProvider.System, NullLogger.Instance, CancellationToken.None);
        var feed = new Feed(host, events, batch);
        var cpu = Environment.CpuUsage.TotalTime;
        long clock = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, feeders).Select(_ => Task.Run(() => feed.RunAsync(inFlight))));
        await feed.WaitAppliedAsync();
        TimeSpan took = Stopwatch.GetElapsedTime(clock);
        double cpuMicros = (Environment.CpuUsage.TotalTime - cpu).TotalMicroseconds;
        HostStatus status = host.Status();
        long records = status.Partitions.Sum(partition => partition.DurableOffset + 1);
        Console.WriteLine($"{name,-12}{events.Count / took.TotalSeconds,12:N0}{cpuMicros / events.Count,14:N2}{status.LogBytes / 1e6,8:N0}{status.LogBytes / (double)records,14:N1}");
    }

    private static Catalog FraudCatalog()
    {
        DefinitionReading reading = DefinitionReader.Read(DefinitionFolder.Read(Places.FraudDefinitions, out _));
        return reading.Catalog ?? throw new InvalidOperationException(string.Join("; ", reading.Errors));
    }

    /// <summary>Hands out batches to feeders in the file's order.</summary>
    private sealed class Feed(EmbeddedHost host, CardEvents events, int batch)
    {
        private int _next;

        public async Task RunAsync(int inFlight)
        {
            var underway = new Queue<Task>();
            int from;
            while ((from = Interlocked.Add(ref _next, batch) - batch) < events.Count)
            {
                IntakeBatch intake = await host.BeginBatchAsync(CancellationToken.None);
                Fill(intake, from, Math.Min(events.Count, from + batch));
                underway.Enqueue(AppendAsync(intake));
                if (underway.Count == inFlight)
                {
                    await underway.Dequeue();
                }
            }

            await Task.WhenAll(underway);
        }

        public async Task WaitAppliedAsync()
        {
            foreach (PartitionState partition in host.Status().Partitions.Where(partition => partition.DurableOffset >= 0))
            {
                await host.WaitAppliedAsync(new PartitionOffset(new PartitionId(partition.Partition), new LogOffset(partition.DurableOffset)), CancellationToken.None);
            }
        }

        private async Task AppendAsync(IntakeBatch intake)
        {
            using (intake)
            {
                await host.AppendAsync(intake, wait: true, CancellationToken.None);
            }
        }

        private void Fill(IntakeBatch intake, int from, int to)
        {
            StreamPlan stream = intake.Catalog.Stream("transactions")!;
            StreamVersion version = stream.Version(0)!;
            Span<Value> fields = new Value[6];
            for (int index = from; index < to; index++)
            {
                fields[0] = Value.Of(events.Ids[index]);
                fields[1] = Value.Of(new EventTime(events.Times[index]));
                fields[2] = Value.Of(events.Customer[index]);
                fields[3] = Value.Of(events.Terminal[index]);
                fields[4] = Value.Of(events.Amounts[index]);
                fields[5] = Value.Of(events.Frauds[index]);
                IntakeResult result = intake.Add(stream, version, fields, default, out _);
                if (result != IntakeResult.Accepted)
                {
                    throw new InvalidOperationException($"event {events.Ids[index]} was {result}");
                }
            }
        }
    }
}
