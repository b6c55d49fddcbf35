using OrleansFeatures.Server.Load;
using OrleansFeatures.V1;

namespace OrleansFeatures.Benchmarks.Serving.Sections;

/// <summary>
/// ObserveAndGet: one event in and its vector out, where a sync of the file costs what the disk takes, and where it costs nothing because the file lies in memory. Both stores hold the same payments, both are warm before anything
/// counts, and they take turns; so does, at the steady rate, an echo that makes the event durable and computes nothing.
/// </summary>
internal static class Observing
{
    private const int Rate = 500;
    private const int Rounds = 3;
    private const string InMemory = "/dev/shm";

    public static async Task RunAsync(Stage stage, Pace pace, Report report)
    {
        var disk = new Subject("fsync on", stage, stage.Store);
        if (!Directory.Exists(InMemory))
        {
            Console.WriteLine($"no {InMemory} here: not measured without fsync");
            await MeasureAsync([disk], stage, pace, report);
            return;
        }

        string directory = Directory.CreateDirectory(Path.Combine(InMemory, $"serving-benchmark-{Guid.NewGuid():N}")).FullName;
        try
        {
            await using Target memory = await stage.StartStoreAsync("data", directory, stage.Past);
            await MeasureAsync([disk, new Subject("fsync off (log in memory)", stage, memory)], stage, pace, report);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task MeasureAsync(Subject[] subjects, Stage stage, Pace pace, Report report)
    {
        foreach (Subject subject in subjects)
        {
            await subject.WithoutPauseAsync(Pace.WarmUp);
        }

        for (int round = 0; round < pace.Rounds; round++)
        {
            foreach (Subject subject in subjects)
            {
                subject.Rounds.Add(await subject.WithoutPauseAsync(pace.Round));
                Console.WriteLine($"{subject.Name}, {ClosedLoop.Clients} clients  {subject.Rounds[^1]}");
            }
        }

        var echo = new List<LoadRecord>();
        for (int round = 0; round < Rounds; round++)
        {
            echo.Add(await SteadyAsync("echo that syncs", pace, cancellation => PushAsync(stage, cancellation)));
            foreach (Subject subject in subjects)
            {
                subject.Latency.Add(await SteadyAsync(subject.Name, pace, subject.ObserveAsync));
            }
        }

        foreach (Subject subject in subjects)
        {
            string name = $"ObserveAndGet, {subject.Name}";
            report.Add($"{name}, {ClosedLoop.Clients} clients, calls", Median.Of(subject.Rounds, round => round.PerSecond), "1/s");
            report.Add($"{name}, {ClosedLoop.Clients} clients, server CPU", Median.Of(subject.Rounds, round => round.ServerMicros), "us");
            AddLatency(report, $"{name}, {Rate}/s", subject.Latency);
        }

        AddLatency(report, $"echo that syncs, {Rate}/s", echo);
    }

    private static void AddLatency(Report report, string name, List<LoadRecord> rounds)
    {
        report.Add($"{name}, p50", Median.Of(rounds, round => Steady.Ms(round, 50)), "ms");
        report.Add($"{name}, p99", Median.Of(rounds, round => Steady.Ms(round, 99)), "ms");
    }

    private static async Task<LoadRecord> SteadyAsync(string name, Pace pace, Func<CancellationToken, Task> send)
    {
        using Stalls stalls = Stalls.Watch();
        LoadRecord record = (await Steady.RunAsync(Steady.Lane(name, Rate, pace.Steady / 2, send)))[0];
        Console.WriteLine($"{name}, {Rate}/s  {Steady.Text(record)}   {stalls}");
        return record;
    }

    private static async Task PushAsync(Stage stage, CancellationToken cancellationToken) =>
        await new IngestService.IngestServiceClient(stage.Echo.Channel(Random.Shared.Next(Target.Connections))).PushAsync(stage.Cards.Now(1, Random.Shared), cancellationToken: cancellationToken);

    /// <summary>A store that is asked, and what has come of it.</summary>
    private sealed class Subject(string name, Stage stage, Target target)
    {
        private readonly FeatureService.FeatureServiceClient[] _clients = [.. Enumerable.Range(0, Target.Connections).Select(index => new FeatureService.FeatureServiceClient(target.Channel(index)))];

        public string Name => name;

        public List<Throughput> Rounds { get; } = [];

        public List<LoadRecord> Latency { get; } = [];

        public Task<Throughput> WithoutPauseAsync(TimeSpan duration) =>
            ClosedLoop.RunAsync(target, ClosedLoop.Clients, duration, (client, random) => ObserveAsync(_clients[client % _clients.Length], random, CancellationToken.None));

        public Task ObserveAsync(CancellationToken cancellationToken) => ObserveAsync(_clients[Random.Shared.Next(_clients.Length)], Random.Shared, cancellationToken);

        private async Task ObserveAsync(FeatureService.FeatureServiceClient client, Random random, CancellationToken cancellationToken) =>
            await client.ObserveAndGetAsync(stage.Cards.Observation(random), cancellationToken: cancellationToken);
    }
}
