using OrleansFeatures.V1;

namespace OrleansFeatures.Benchmarks.Serving;

/// <summary>What the serving side can do, measured in one run on one machine against the wire's own limit and against what a user would otherwise build.</summary>
internal static class ServingSuite
{
    public const string About = "lookups against a bare echo, rows, push to readable, ObserveAndGet, and the same over Redis: [--quick] [--only SECTION] [--program FILE] [--directory DIR]";

    public static async Task Run(Arguments arguments)
    {
        bool quick = arguments.Has("quick");
        var cards = new Cards(quick ? 5_000 : 20_000);
        await using Stage stage = await Stage.SetAsync(arguments.Text("program") ?? Places.Program, arguments.Text("directory"), cards, quick ? 100_000 : 500_000);
        Console.WriteLine($"store {stage.Store.ProcessId}, echo {stage.Echo.ProcessId}, redis {stage.RedisVersion}");
        GetFeaturesRequest[] one = cards.Lookups(Cards.TwentyFeatures, 1);
        GetFeaturesRequest[] many = cards.Lookups(Cards.TenFeatures, 100);
        var time = TimeSpan.FromSeconds(arguments.Number("seconds", 3));
        int clients = arguments.Number("clients", 32);
        for (int round = 0; round < arguments.Number("rounds", 3); round++)
        {
            Console.WriteLine($"echo   {await Ask(stage.Echo, one)}");
            Console.WriteLine($"store  {await Ask(stage.Store, one)}");
            Console.WriteLine($"100x10 {await Ask(stage.Store, many)}");
            if (stage.Redis is { } redis)
            {
                Console.WriteLine($"redis  {await Ask(redis, one)}");
            }
        }

        Task<Throughput> Ask(Target target, GetFeaturesRequest[] requests)
        {
            FeatureService.FeatureServiceClient[] lookups = [.. Enumerable.Range(0, Target.Connections).Select(index => new FeatureService.FeatureServiceClient(target.Channel(index)))];
            return ClosedLoop.RunAsync(target, clients, time, async (client, random) => await lookups[client % lookups.Length].GetFeaturesAsync(requests[random.Next(requests.Length)]));
        }
    }
}
