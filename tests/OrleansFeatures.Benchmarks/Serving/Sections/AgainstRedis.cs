using OrleansFeatures.Server.Load;
using OrleansFeatures.V1;

namespace OrleansFeatures.Benchmarks.Serving.Sections;

/// <summary>The same lookups and pushes at the store, with fsync, and at a service of the same shape over Redis, which keeps tiles of a minute in memory and nothing on disk.</summary>
internal static class AgainstRedis
{
    private const int LookupRate = 2_000;
    private const int EventsPerPush = 100;
    private const int Pushers = 8;

    public static async Task RunAsync(Stage stage, Pace pace, Report report)
    {
        if (stage.Redis is not { } redis)
        {
            Console.WriteLine("no redis-server on the path: not measured");
            return;
        }

        await LookupsAsync(stage, redis, pace, report);
        await PushesAsync(stage, redis, pace, report);
    }

    private static async Task LookupsAsync(Stage stage, Target redis, Pace pace, Report report)
    {
        GetFeaturesRequest[] requests = stage.Cards.Lookups(Cards.TwentyFeatures, rows: 1);
        var ours = new Lookups(stage.Store, requests);
        var theirs = new Lookups(redis, requests);
        await ours.WithoutPauseAsync(Pace.WarmUp / 2);
        await theirs.WithoutPauseAsync(Pace.WarmUp);
        var rounds = new List<(Throughput Store, Throughput Redis)>();
        for (int round = 0; round < pace.Rounds; round++)
        {
            rounds.Add((await ours.WithoutPauseAsync(pace.Round), await theirs.WithoutPauseAsync(pace.Round)));
            Console.WriteLine($"lookup, store  {rounds[^1].Store}");
            Console.WriteLine($"lookup, redis  {rounds[^1].Redis}");
        }

        Compare(report, "lookup", "requests", rounds, 1);
        LoadRecord store = (await Steady.RunAsync(Steady.Lane("store", LookupRate, pace.Steady / 2, ours.AskAsync)))[0];
        LoadRecord other = (await Steady.RunAsync(Steady.Lane("redis", LookupRate, pace.Steady / 2, theirs.AskAsync)))[0];
        Console.WriteLine($"lookup at {LookupRate:N0}/s, store  {Steady.Text(store)}");
        Console.WriteLine($"lookup at {LookupRate:N0}/s, redis  {Steady.Text(other)}");
        report.Add("lookup at 2,000/s, store, p99", Steady.Ms(store, 99), "ms");
        report.Add("lookup at 2,000/s, redis, p99", Steady.Ms(other, 99), "ms");
    }

    private static async Task PushesAsync(Stage stage, Target redis, Pace pace, Report report)
    {
        var rounds = new List<(Throughput Store, Throughput Redis)>();
        await PushAsync(stage, redis, Pace.WarmUp / 2);
        await PushAsync(stage, stage.Store, Pace.WarmUp / 2);
        for (int round = 0; round < pace.Rounds; round++)
        {
            rounds.Add((await PushAsync(stage, stage.Store, pace.Round), await PushAsync(stage, redis, pace.Round)));
            Console.WriteLine($"push, store  {rounds[^1].Store}");
            Console.WriteLine($"push, redis  {rounds[^1].Redis}");
        }

        Compare(report, $"push of {EventsPerPush}", "events", rounds, EventsPerPush);
        report.Add($"push of {EventsPerPush}, {Pushers} clients, store (fsync), p99", Median.Of(rounds, round => round.Store.Latency.Percentile(99).TotalMilliseconds), "ms");
        report.Add($"push of {EventsPerPush}, {Pushers} clients, redis (memory only), p99", Median.Of(rounds, round => round.Redis.Latency.Percentile(99).TotalMilliseconds), "ms");
    }

    private static Task<Throughput> PushAsync(Stage stage, Target target, TimeSpan duration)
    {
        IngestService.IngestServiceClient[] clients = [.. Enumerable.Range(0, Target.Connections).Select(index => new IngestService.IngestServiceClient(target.Channel(index)))];
        return ClosedLoop.RunAsync(target, Pushers, duration, async (client, random) => await clients[client % clients.Length].PushAsync(stage.Cards.Now(EventsPerPush, random)));
    }

    private static void Compare(Report report, string what, string units, List<(Throughput Store, Throughput Redis)> rounds, int perCall)
    {
        report.Add($"{what}, store, {units}", perCall * Median.Of(rounds, round => round.Store.PerSecond), "1/s");
        report.Add($"{what}, redis, {units}", perCall * Median.Of(rounds, round => round.Redis.PerSecond), "1/s");
        report.Add($"{what}, store, server CPU of each", Median.Of(rounds, round => round.Store.ServerMicros) / perCall, "us");
        report.Add($"{what}, redis, server CPU of each (service and redis-server)", Median.Of(rounds, round => round.Redis.ServerMicros) / perCall, "us");
    }
}
