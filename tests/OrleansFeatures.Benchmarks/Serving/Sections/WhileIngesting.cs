using OrleansFeatures.Server.Load;
using OrleansFeatures.V1;

namespace OrleansFeatures.Benchmarks.Serving.Sections;

/// <summary>
/// Lookups at a steady rate, in turns alone, with events that come in beside them on the same cores, and with the same pushes at the echo, which makes them durable and does nothing else: what they cost lookups there, they cost by being
/// made, sent and synced, and no store on these cores can go below.
/// </summary>
internal static class WhileIngesting
{
    private const int LookupRate = 5_000;
    private const int EventRate = 100_000;
    private const int BatchesPerSecond = 100;
    private const int Rounds = 5;

    public static async Task RunAsync(Stage stage, Pace pace, Report report)
    {
        var store = new Lookups(stage.Store, stage.Cards.Lookups(Cards.TwentyFeatures, rows: 1));
        TimeSpan duration = pace.Steady / 2;
        var rounds = new List<Round>();
        await BesideAsync(stage.Store, Pace.WarmUp);
        await BesideAsync(stage.Echo, Pace.WarmUp / 2);
        for (int round = 0; round < Rounds; round++)
        {
            LoadRecord alone = (await Steady.RunAsync(Steady.Lane("lookup", LookupRate, duration, store.AskAsync)))[0];
            TimeSpan cpu = stage.Store.CpuTime();
            LoadRecord[] both = await BesideAsync(stage.Store, duration);
            double cores = (stage.Store.CpuTime() - cpu) / (duration + Pace.SteadyWarmUp);
            LoadRecord[] echo = await BesideAsync(stage.Echo, duration);
            rounds.Add(new Round(alone, both[0], both[1], echo[0]));
            Console.WriteLine($"lookups alone             {Steady.Text(alone)}");
            Console.WriteLine($"lookups beside            {Steady.Text(both[0])}");
            Console.WriteLine($"pushes                    {Steady.Text(both[1])}   server takes {cores:N2} cores");
            Console.WriteLine($"lookups beside the echo's {Steady.Text(echo[0])}");
        }

        report.Add("lookup at 5,000/s, p99", Median.Of(rounds, round => Steady.Ms(round.Alone, 99)), "ms");
        report.Add("lookup at 5,000/s beside 100,000 events/s that go to the echo, p99", Median.Of(rounds, round => Steady.Ms(round.BesideEcho, 99)), "ms");
        report.Add("lookup at 5,000/s beside 100,000 events/s, p99", Median.Of(rounds, round => Steady.Ms(round.Beside, 99)), "ms");
        report.Add("lookup at 5,000/s, p99 beside 100,000 events/s that go to the echo of that without", Median.Of(rounds, round => Steady.Ms(round.BesideEcho, 99) / Steady.Ms(round.Alone, 99)), "x");
        report.AtMost("lookup at 5,000/s, p99 beside 100,000 events/s of that without", Median.Of(rounds, round => Steady.Ms(round.Beside, 99) / Steady.Ms(round.Alone, 99)), "x", 2);
        report.Add("push of 1,000 events beside it, p99", Median.Of(rounds, round => Steady.Ms(round.Pushes, 99)), "ms");

        Task<LoadRecord[]> BesideAsync(Target events, TimeSpan length) => Steady.RunAsync(
            Steady.Lane("lookup", LookupRate, length, store.AskAsync),
            Steady.Lane("push", BatchesPerSecond, length, cancellation => PushAsync(stage, events, cancellation), Spacing.Even));
    }

    private static async Task PushAsync(Stage stage, Target target, CancellationToken cancellationToken)
    {
        await Task.Yield();
        await new IngestService.IngestServiceClient(target.Producer).PushAsync(stage.Cards.Now(EventRate / BatchesPerSecond, Random.Shared), cancellationToken: cancellationToken);
    }

    /// <summary>One turn: lookups without events, beside events and these, and beside events at the echo.</summary>
    private sealed record Round(LoadRecord Alone, LoadRecord Beside, LoadRecord Pushes, LoadRecord BesideEcho);
}
