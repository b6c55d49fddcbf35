using Grpc.Core;
using OrleansFeatures.Benchmarks.Serving.Sections;

namespace OrleansFeatures.Benchmarks.Serving;

/// <summary>
/// What the serving side can do, measured in one run on one machine against the wire's own limit and against what a user would otherwise build (docs/serving.md says how each figure is taken). Rates and CPU times come from clients that
/// ask again as soon as they are answered, latencies from requests that are due at instants fixed beforehand, whatever the server does. What is compared is measured in turns, and the median of the rounds counts.
/// </summary>
internal static class ServingSuite
{
    public const string About = "lookups against a bare echo, rows, push to readable, ObserveAndGet, and the same over Redis: [--quick] [--only SECTION[,SECTION]] [--json FILE] [--program FILE] [--directory DIR]";

    private static readonly (string Name, Func<Stage, Pace, Report, Task> Run)[] Sections =
    [
        ("echo", AgainstEcho.RunAsync),
        ("rows", ManyRows.RunAsync),
        ("readable", PushToReadable.RunAsync),
        ("ingest", WhileIngesting.RunAsync),
        ("observe", Observing.RunAsync),
        ("redis", AgainstRedis.RunAsync),
        ("layers", Layers.RunAsync),
    ];

    public static async Task Run(Arguments arguments)
    {
        bool quick = arguments.Has("quick");
        string[] only = arguments.Text("only")?.Split(',') ?? [.. Sections.Select(section => section.Name)];
        var report = new Report();
        Pace pace = quick ? Pace.Quick : Pace.Full;
        await using (Stage stage = await Stage.SetAsync(arguments.Text("program") ?? Places.Program, arguments.Text("directory"), pace))
        {
            Console.WriteLine($"processes: store {stage.Store.ProcessId}, echo {stage.Echo.ProcessId}, {(stage.Redis is { } redis ? $"service over redis-server {stage.RedisVersion} {redis.ProcessId}" : "no redis-server on the path: not compared with it")}");
            Console.WriteLine($"cards: {stage.Cards.Count:N0}, with {pace.PastPayments:N0} payments in the past day");
            foreach ((string name, Func<Stage, Pace, Report, Task> run) in Sections.Where(section => only.Contains(section.Name)))
            {
                Console.WriteLine();
                Console.WriteLine($"## {name}");
                report.Begin(name);
                try
                {
                    await run(stage, pace, report);
                }
                catch (Exception failure) when (failure is InvalidOperationException or RpcException)
                {
                    // What the others measure still counts; the table says what is missing, and why.
                    Console.WriteLine(failure.Message);
                    report.Fail(failure.Message);
                }
            }
        }

        Console.WriteLine();
        report.Print();
        report.Save(arguments.Text("json") ?? Path.Combine(Places.Root, "artifacts", "serving.json"), quick);
    }
}
