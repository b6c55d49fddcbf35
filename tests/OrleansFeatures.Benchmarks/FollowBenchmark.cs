using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Embedded;
using OrleansFeatures.Entities.Following;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Gateway.Registry;
using OrleansFeatures.Log;

namespace OrleansFeatures.Benchmarks;

/// <summary>
/// What followers of the log cost while events come at a fixed rate: processor time of the whole process beside that of none, and how far behind they were. They pace themselves as subscriptions do. Everything is in one process, so the feeder and
/// the store share the cores with them.
/// </summary>
internal static class FollowBenchmark
{
    public const string About = "followers of the log beside a steady stream: [--rate 100000] [--seconds 5] [--directory DIR]";

    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(5);

    private static readonly (string Name, int Followers, bool WantsAll, bool Reads)[] Cases =
    [
        ("none (warm-up)", 0, false, false), ("none", 0, false, false), ("1 of one entity", 1, false, false), ("16 of one entity", 16, false, false), ("64 of one entity", 64, false, false),
        ("1 of everything", 1, true, false), ("16 of everything", 16, true, false), ("1 that reads vectors", 1, true, true), ("none", 0, false, false),
    ];

    public static async Task Run(Arguments arguments)
    {
        int rate = arguments.Number("rate", 100_000);
        int seconds = arguments.Number("seconds", 5);
        string directory = Directory.CreateDirectory(Path.Combine(arguments.Text("directory") ?? Path.GetTempPath(), $"follow-benchmark-{Guid.NewGuid():N}")).FullName;
        try
        {
            Console.WriteLine($"{"followers",-24}{"events/s",12}{"cores",8}{"slices/s",12}{"changes/s",12}{"behind p50 ms",15}{"p99 ms",9}");
            foreach ((string name, int followers, bool wantsAll, bool reads) in Cases)
            {
                await using EmbeddedHost host = await EmbeddedHost.StartAsync(
                    new EmbeddedHostOptions { LogDirectory = Path.Combine(directory, Guid.NewGuid().ToString("N")) }, FraudCatalog(), TimeProvider.System, NullLogger.Instance, CancellationToken.None);
                await RoundAsync(host, name, [.. Enumerable.Range(0, followers).Select(number => new Follower(host, wantsAll ? null : number, reads))], rate, seconds);
            }
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task RoundAsync(EmbeddedHost host, string name, Follower[] followers, int rate, int seconds)
    {
        using var enough = new CancellationTokenSource();
        Task[] following = [.. followers.Select(follower => Task.Run(() => follower.RunAsync(enough.Token)))];
        TimeSpan cpu = Environment.CpuUsage.TotalTime;
        long began = Stopwatch.GetTimestamp();
        int events = await FeedAsync(host, rate, seconds);
        double elapsed = Stopwatch.GetElapsedTime(began).TotalSeconds;
        double cores = (Environment.CpuUsage.TotalTime - cpu).TotalSeconds / elapsed;
        await enough.CancelAsync();
        await Task.WhenAll(following);
        List<double> behind = [.. followers.SelectMany(follower => follower.BehindMs).Order()];
        string Of(double share) => behind.Count == 0 ? "-" : $"{behind[(int)(share * (behind.Count - 1))]:N1}";
        Console.WriteLine($"{name,-24}{events / elapsed,12:N0}{cores,8:N2}{followers.Sum(follower => follower.Slices) / elapsed,12:N0}{followers.Sum(follower => follower.Changes) / elapsed,12:N0}{Of(0.5),15}{Of(0.99),9}");
    }

    /// <summary>Batches on a schedule: one that is late is made up for.</summary>
    private static async Task<int> FeedAsync(EmbeddedHost host, int rate, int seconds)
    {
        var random = new Random(20180401);
        int batch = (int)(rate * Tick.TotalSeconds);
        int batches = rate * seconds / batch;
        long began = Stopwatch.GetTimestamp();
        var underway = new Queue<Task>();
        for (int number = 0; number < batches; number++)
        {
            TimeSpan due = number * Tick - Stopwatch.GetElapsedTime(began);
            if (due > TimeSpan.Zero)
            {
                await Task.Delay(due);
            }

            underway.Enqueue(AppendAsync(host, number * batch, batch, random));
            while (underway.Count > 8)
            {
                await underway.Dequeue();
            }
        }

        await Task.WhenAll(underway);
        return batches * batch;
    }

    /// <summary>Events arrive when they happen, so that a follower can tell how far behind it is.</summary>
    private static async Task AppendAsync(EmbeddedHost host, int first, int count, Random random)
    {
        using IntakeBatch intake = await host.BeginBatchAsync(CancellationToken.None);
        StreamPlan stream = intake.Catalog.Stream("transactions")!;
        var now = EventTime.From(TimeProvider.System.GetUtcNow());
        for (int id = first; id < first + count; id++)
        {
            Value[] fields = [Value.Of((long)id), Value.Of(now), Value.Of((long)random.Next(5_000)), Value.Of((long)random.Next(10_000)), Value.Of(random.Next(1_000) / 4.0), Value.Of(false)];
            intake.Add(stream, stream.Version(0)!, fields, default, out _);
        }

        await host.AppendAsync(intake, wait: true, CancellationToken.None);
    }

    private static Catalog FraudCatalog()
    {
        DefinitionReading reading = DefinitionReader.Read(DefinitionFolder.Read(Places.FraudDefinitions, out _));
        return reading.Catalog ?? throw new InvalidOperationException(string.Join("; ", reading.Errors));
    }

    private sealed class Follower(EmbeddedHost host, int? customer, bool reads)
    {
        public long Slices { get; private set; }

        public long Changes { get; private set; }

        public List<double> BehindMs { get; } = [];

        public async Task RunAsync(CancellationToken cancellationToken)
        {
            byte[] key = new byte[EntityKeyEncoding.BytesMax];
            key = key[..EntityKeyEncoding.Append(key, Value.Of((long)(customer ?? 0)))];
            uint type = host.Catalog.Entity("customer")!.Id;
            bool Concerns(uint entityType, ReadOnlySpan<byte> changed) => entityType == type && (customer is null || changed.SequenceEqual(key));
            try
            {
                await foreach (AppliedChanges slice in host.FollowAsync(host.DurableSequence, Concerns, cancellationToken))
                {
                    Slices++;
                    Changes += slice.Changes.Count;
                    if (slice.Changes.Count > 0)
                    {
                        BehindMs.Add((EventTime.From(TimeProvider.System.GetUtcNow()).Micros - slice.Changes[0].Arrival.Micros) / 1e3);
                        await ReadAsync(slice, cancellationToken);
                    }

                    if (slice.Changes.Count < Entities.Limits.FollowSliceChangesMax)
                    {
                        await Task.Delay(Tick, cancellationToken);
                    }
                }
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                // The end of the round.
            }
        }

        private async Task ReadAsync(AppliedChanges slice, CancellationToken cancellationToken)
        {
            if (reads)
            {
                EntityChange[] changed = [.. slice.Changes.DistinctBy(change => Convert.ToHexString(change.Key.Span))];
                var read = new FeatureRead(host.Catalog.AllOf("customer")!, changed.Length);
                for (int row = 0; row < changed.Length; row++)
                {
                    (read.Keys[row], read.AsOf[row]) = (changed[row].Key, changed[row].Time);
                }

                await host.ReadAsync(read, cancellationToken);
            }
        }
    }
}
