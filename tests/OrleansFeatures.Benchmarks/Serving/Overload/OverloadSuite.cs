using System.Diagnostics;
using Grpc.Core;
using OrleansFeatures.Server.Load;
using OrleansFeatures.V1;

namespace OrleansFeatures.Benchmarks.Serving.Overload;

/// <summary>
/// Ten times what the server can answer, and floods of the one kind of call beside the other. Goodput is what is answered within the caller's patience, of 200 ms; its peak is found first, by clients that ask again as soon as they
/// are answered. Lookups are of many rows, so that a generator on the same machine can offer ten times as many.
/// </summary>
internal static class OverloadSuite
{
    public const string About = "ten times too much, and floods of one kind beside the other: [--quick] [--rows N] [--connections N] [--factor X] [--program FILE] [--serve \"FLAGS\"]";

    private const int Cards = 20_000;
    private const int PastPayments = 400_000;
    private const int ClosedClients = 12;
    private const int Rounds = 3;
    private const int UnderWayMax = 20_000;
    private const int LookupRate = 1_000;
    private const int EventBatchesPerSecond = 50;
    private const int EventsPerBatch = 200;
    private const int FloodStreams = 8;
    private const int FloodInFlight = 16;
    private const int FloodBatch = 1_000;
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(6);
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(200);

    public static async Task Run(Arguments arguments)
    {
        int rows = arguments.Number("rows", 1_500);
        int connections = arguments.Number("connections", 8);
        int factor = arguments.Number("factor", 10);
        TimeSpan duration = TimeSpan.FromSeconds(arguments.Has("quick") ? 3 : 8);
        AdmissionCost.Run();
        string directory = Directory.CreateDirectory(Path.Combine(Path.GetTempPath(), $"overload-benchmark-{Guid.NewGuid():N}")).FullName;
        try
        {
            string[] flags = arguments.Text("serve")?.Split(' ', StringSplitOptions.RemoveEmptyEntries) ?? [];
            var cards = new Cards(Cards);
            await using var store = new Target("store", await ServerProcess.StartAsync(arguments.Text("program") ?? Places.Program, Path.Combine(directory, "data"), Stage.Definitions, flags));
            await FillAsync(store, cards);
            GetFeaturesRequest[] many = [.. cards.Lookups(Serving.Cards.TwentyFeatures, rows).Take(256)];
            using var flood = new Flood(store.Address, connections, many, Patience);
            // Both sides compile what they run.
            await PeakAsync(flood, WarmUp);
            await OverloadAsync(store, flood, await PeakAsync(flood, duration), factor, duration);
            var rounds = new List<(double Peak, double Goodput)>();
            for (int round = 0; round < Rounds; round++)
            {
                double before = await PeakAsync(flood, duration);
                rounds.Add((before, await OverloadAsync(store, flood, before, factor, duration)));
            }

            double peak = Median.Of(rounds, round => round.Peak);
            Console.WriteLine($"median of {Rounds} rounds: peak {peak:N0}/s of {rows} rows ({peak * rows:N0} rows/s), at {factor} times that {Median.Of(rounds, round => round.Goodput):N0}/s in time: {Median.Of(rounds, round => round.Goodput / round.Peak):P0} of peak");
            await BesideEventsAsync(store, cards, duration);
            await BesideLookupsAsync(store, cards, flood, peak * factor, duration);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    /// <summary>Lookups in time per second.</summary>
    private static async Task<double> PeakAsync(Flood flood, TimeSpan duration)
    {
        long inTime = 0;
        long begin = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, ClosedClients).Select(_ => Task.Run(async () =>
        {
            while (Stopwatch.GetElapsedTime(begin) < duration)
            {
                long asked = Stopwatch.GetTimestamp();
                bool isOk = (await flood.SendAsync(CancellationToken.None)).IsOk;
                if (isOk && Stopwatch.GetElapsedTime(asked) <= Patience)
                {
                    Interlocked.Increment(ref inTime);
                }
            }
        })));
        return inTime / Stopwatch.GetElapsedTime(begin).TotalSeconds;
    }

    private static async Task<double> OverloadAsync(Target store, Flood flood, double peak, int factor, TimeSpan duration)
    {
        TimeSpan cpu = store.CpuTime();
        await using var health = new HealthProbe(store.Address);
        LoadRecord record = (await RunAsync(duration, Lane("lookup", peak * factor, duration, flood)))[0];
        double goodput = record.Answered / duration.TotalSeconds;
        Console.WriteLine($"peak {peak,7:N0}/s; offered {record.Due / duration.TotalSeconds,9:N0}/s ({factor} times peak): answered in time {goodput,9:N0}/s, {goodput / peak:P0} of peak; server took {(store.CpuTime() - cpu) / (duration + Pace.SteadyWarmUp):N2} cores");
        Console.WriteLine($"  of those sent p50 {record.FromSending.Percentile(50).TotalMilliseconds:N1} ms, p99 {record.FromSending.Percentile(99).TotalMilliseconds:N1} ms; {Failures(record)}");
        Console.WriteLine($"  health: {health.Latency.Count} asked, {health.Failed} failed, p50 {health.Latency.Percentile(50).TotalMilliseconds:N1} ms, p99 {health.Latency.Percentile(99).TotalMilliseconds:N1} ms, longest {health.Latency.Longest.TotalMilliseconds:N1} ms");
        return goodput;
    }

    private static async Task BesideEventsAsync(Target store, Cards cards, TimeSpan duration)
    {
        using var single = new Flood(store.Address, Target.Connections, cards.Lookups(Serving.Cards.TwentyFeatures, rows: 1), TimeSpan.FromSeconds(1));
        LoadRecord alone = (await RunAsync(duration, Lane("lookup", LookupRate, duration, single)))[0];
        PushRequest[] batches = [.. Enumerable.Range(0, (int)(duration.TotalSeconds * 600)).Select(index =>
        {
            PushRequest batch = cards.Now(FloodBatch, Random.Shared);
            batch.Sequence = (ulong)index + 1;
            return batch;
        })];
        using var traffic = new PushTraffic(store.Address, batches, FloodInFlight);
        await traffic.ConnectAsync(FloodStreams);
        long begin = Stopwatch.GetTimestamp();
        Task pushing = traffic.PushAsync();
        LoadRecord beside = (await RunAsync(duration, Lane("lookup", LookupRate, duration, single)))[0];
        bool isFlood = !pushing.IsCompleted;
        await pushing;
        Console.WriteLine($"lookups of one row at {LookupRate:N0}/s, alone:                  {Steady.Text(alone)}; {Failures(alone)}");
        Console.WriteLine($"  beside as many events as come in ({batches.Length * FloodBatch / Stopwatch.GetElapsedTime(begin).TotalSeconds:N0}/s{(isFlood ? "" : ", for part of the time")}): {Steady.Text(beside)}; {Failures(beside)}");
    }

    private static async Task BesideLookupsAsync(Target store, Cards cards, Flood flood, double lookups, TimeSpan duration)
    {
        var pushes = new Pushes(store, cards, EventsPerBatch);
        LoadRecord alone = (await RunAsync(duration, Lane("push", EventBatchesPerSecond, duration, pushes)))[0];
        LoadRecord[] beside = await RunAsync(duration, Lane("push", EventBatchesPerSecond, duration, pushes), Lane("lookup", lookups, duration, flood));
        Console.WriteLine($"pushes of {EventsPerBatch} events at {EventBatchesPerSecond}/s, alone:            {Steady.Text(alone)}; {Failures(alone)}");
        Console.WriteLine($"  beside {lookups:N0} lookups/s:               {Steady.Text(beside[0])}; {Failures(beside[0])}; lookups in time {beside[1].Answered / duration.TotalSeconds:N0}/s");
    }

    private static LoadLane Lane(string name, double rate, TimeSpan duration, ILoadTarget target) =>
        new(name, target, new Arrivals(RateProfile.Constant(rate, duration + Pace.SteadyWarmUp), Spacing.Poisson, 20251121));

    private static async Task<LoadRecord[]> RunAsync(TimeSpan duration, params LoadLane[] lanes)
    {
        var options = new OpenLoopOptions { WarmUp = Pace.SteadyWarmUp, UnderWayMax = UnderWayMax, Drain = duration };
        using var load = new OpenLoop(new MonotonicClock(lanes.Sum(lane => lane.Arrivals.Profile.Peak)), lanes, options);
        await load.RunAsync(CancellationToken.None);
        return [.. load.Records.Select(record => record.Record)];
    }

    private static string Failures(LoadRecord record) =>
        record.Failed == 0 ? "none failed" : string.Join(", ", record.Failures.OrderBy(failure => failure.Key).Select(failure => $"{failure.Key} {failure.Value.Count:N0}"));

    private static async Task FillAsync(Target store, Cards cards)
    {
        var ingest = new IngestService.IngestServiceClient(store.Channel(0));
        foreach (PushRequest batch in cards.PastDay(PastPayments, FloodBatch))
        {
            await ingest.PushAsync(batch);
        }
    }

    private sealed class Pushes(Target store, Cards cards, int events) : ILoadTarget
    {
        private int _next;

        public async Task<LoadOutcome> SendAsync(CancellationToken abandoned)
        {
            await Task.Yield();
            try
            {
                await new IngestService.IngestServiceClient(store.Channel(Interlocked.Increment(ref _next))).PushAsync(cards.Now(events, Random.Shared), deadline: DateTime.UtcNow.AddSeconds(5), cancellationToken: abandoned);
                return LoadOutcome.Answered;
            }
            catch (RpcException refused)
            {
                return new LoadOutcome(refused.StatusCode == StatusCode.DeadlineExceeded ? LoadOutcome.DeadlineExceeded : refused.StatusCode.ToString(), refused.Status.Detail);
            }
        }
    }
}
