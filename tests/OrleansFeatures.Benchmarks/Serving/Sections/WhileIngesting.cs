using OrleansFeatures.Server.Load;
using OrleansFeatures.V1;

namespace OrleansFeatures.Benchmarks.Serving.Sections;

/// <summary>Lookups at a steady rate, in turns with and without events that come in beside them on the same cores.</summary>
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
        var rounds = new List<(LoadRecord Alone, LoadRecord Beside, LoadRecord Pushes)>();
        for (int round = 0; round < Rounds; round++)
        {
            LoadRecord alone = (await Steady.RunAsync(Steady.Lane("lookup", LookupRate, duration, store.AskAsync)))[0];
            TimeSpan cpu = stage.Store.CpuTime();
            LoadRecord[] both = await Steady.RunAsync(
                Steady.Lane("lookup", LookupRate, duration, store.AskAsync),
                Steady.Lane("push", BatchesPerSecond, duration, cancellation => PushAsync(stage, cancellation), Spacing.Even));
            double cores = (stage.Store.CpuTime() - cpu) / (duration + Pace.SteadyWarmUp);
            rounds.Add((alone, both[0], both[1]));
            Console.WriteLine($"lookups alone   {Steady.Text(alone)}");
            Console.WriteLine($"lookups beside  {Steady.Text(both[0])}");
            Console.WriteLine($"pushes          {Steady.Text(both[1])}   server takes {cores:N2} cores");
        }

        report.Add("lookup at 5,000/s, p99", Median.Of(rounds, round => Steady.Ms(round.Alone, 99)), "ms");
        report.Add("lookup at 5,000/s beside 100,000 events/s, p99", Median.Of(rounds, round => Steady.Ms(round.Beside, 99)), "ms");
        report.AtMost("lookup at 5,000/s, p99 beside 100,000 events/s of that without", Median.Of(rounds, round => Steady.Ms(round.Beside, 99) / Steady.Ms(round.Alone, 99)), "x", 2);
        report.Add("push of 1,000 events beside it, p99", Median.Of(rounds, round => Steady.Ms(round.Pushes, 99)), "ms");
    }

    private static async Task PushAsync(Stage stage, CancellationToken cancellationToken)
    {
        await Task.Yield();
        await new IngestService.IngestServiceClient(stage.Store.Producer).PushAsync(stage.Cards.Now(EventRate / BatchesPerSecond, Random.Shared), cancellationToken: cancellationToken);
    }
}
