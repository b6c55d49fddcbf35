using OrleansFeatures.Server.Load;

namespace OrleansFeatures.Benchmarks.Serving.Sections;

/// <summary>A hundred rows of ten features in one call, and what each row beyond the first costs.</summary>
internal static class ManyRows
{
    private const int Rows = 100;
    private const int Rate = 200;

    public static async Task RunAsync(Stage stage, Pace pace, Report report)
    {
        var one = new Lookups(stage.Store, stage.Cards.Lookups(Cards.TenFeatures, rows: 1));
        var many = new Lookups(stage.Store, stage.Cards.Lookups(Cards.TenFeatures, Rows));
        await many.WithoutPauseAsync(Pace.WarmUp);
        await one.WithoutPauseAsync(Pace.WarmUp);
        var rounds = new List<(Throughput One, Throughput Many)>();
        for (int round = 0; round < pace.Rounds; round++)
        {
            rounds.Add((await one.WithoutPauseAsync(pace.Round), await many.WithoutPauseAsync(pace.Round)));
            Console.WriteLine($"1 row     {rounds[^1].One}");
            Console.WriteLine($"{Rows} rows  {rounds[^1].Many}");
        }

        report.Add("1 x 10, server CPU", Median.Of(rounds, round => round.One.ServerMicros), "us");
        report.Add("100 x 10, server CPU", Median.Of(rounds, round => round.Many.ServerMicros), "us");
        report.Add("100 x 10, rows", Rows * Median.Of(rounds, round => round.Many.PerSecond), "1/s");
        report.AtMost("100 x 10, server CPU of each further row", Median.Of(rounds, round => (round.Many.ServerMicros - round.One.ServerMicros) / (Rows - 1)), "us", 2);
        IReadOnlyList<LoadRecord> steady = await Steady.RoundsAsync("100 rows", Rate, pace, many.AskAsync);
        report.Add("100 x 10 at 200/s, p50", Median.Of(steady, round => Steady.Ms(round, 50)), "ms");
        report.AtMost("100 x 10 at 200/s, p99", Median.Of(steady, round => Steady.Ms(round, 99)), "ms", 3);
    }
}
