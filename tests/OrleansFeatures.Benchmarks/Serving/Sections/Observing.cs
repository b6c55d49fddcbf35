using OrleansFeatures.Server.Load;
using OrleansFeatures.V1;

namespace OrleansFeatures.Benchmarks.Serving.Sections;

/// <summary>ObserveAndGet: one event in and its vector out, where a sync of the file costs what the disk takes, and where it costs nothing because the file lies in memory.</summary>
internal static class Observing
{
    private const int Rate = 500;
    private const string InMemory = "/dev/shm";

    public static async Task RunAsync(Stage stage, Pace pace, Report report)
    {
        await MeasureAsync("fsync on", stage, stage.Store, pace, report);
        if (!Directory.Exists(InMemory))
        {
            Console.WriteLine($"no {InMemory} here: not measured without fsync");
            return;
        }

        string directory = Directory.CreateDirectory(Path.Combine(InMemory, $"serving-benchmark-{Guid.NewGuid():N}")).FullName;
        try
        {
            await using Target memory = await stage.StartStoreAsync("data", directory);
            await MeasureAsync("fsync off (log in memory)", stage, memory, pace, report);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task MeasureAsync(string what, Stage stage, Target target, Pace pace, Report report)
    {
        FeatureService.FeatureServiceClient[] clients = [.. Enumerable.Range(0, Target.Connections).Select(index => new FeatureService.FeatureServiceClient(target.Channel(index)))];
        await ClosedLoop.RunAsync(target, ClosedLoop.Clients, Pace.WarmUp, (client, random) => ObserveAsync(clients[client % clients.Length], stage, random, CancellationToken.None));
        Throughput most = await ClosedLoop.RunAsync(target, ClosedLoop.Clients, pace.Round, (client, random) => ObserveAsync(clients[client % clients.Length], stage, random, CancellationToken.None));
        LoadRecord record = (await Steady.RunAsync(Steady.Lane("observe", Rate, pace.Steady, cancellation => ObserveAsync(clients[Random.Shared.Next(clients.Length)], stage, Random.Shared, cancellation))))[0];
        Console.WriteLine($"{what}, {ClosedLoop.Clients} clients  {most}");
        Console.WriteLine($"{what}, {Rate}/s  {Steady.Text(record)}");
        report.Add($"ObserveAndGet, {what}, {ClosedLoop.Clients} clients, calls", most.PerSecond, "1/s");
        report.Add($"ObserveAndGet, {what}, {ClosedLoop.Clients} clients, server CPU", most.ServerMicros, "us");
        report.Add($"ObserveAndGet, {what}, {Rate}/s, p50", Steady.Ms(record, 50), "ms");
        report.Add($"ObserveAndGet, {what}, {Rate}/s, p99", Steady.Ms(record, 99), "ms");
    }

    private static async Task ObserveAsync(FeatureService.FeatureServiceClient client, Stage stage, Random random, CancellationToken cancellationToken) =>
        await client.ObserveAndGetAsync(stage.Cards.Observation(random), cancellationToken: cancellationToken);
}
