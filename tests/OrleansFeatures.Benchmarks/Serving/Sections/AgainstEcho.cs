using OrleansFeatures.Server.Load;

namespace OrleansFeatures.Benchmarks.Serving.Sections;

/// <summary>A lookup of one row of twenty features beside an echo of as many bytes: what the store adds to the wire.</summary>
internal static class AgainstEcho
{
    private const int LowRate = 1_000;
    /// <summary>Of echo and lookup, at a fixed rate: a stall of the machine spoils one, and not the median.</summary>
    private const int Turns = 5;

    public static async Task RunAsync(Stage stage, Pace pace, Report report)
    {
        var requests = stage.Cards.Lookups(Cards.TwentyFeatures, rows: 1);
        var echo = new Lookups(stage.Echo, requests);
        var store = new Lookups(stage.Store, requests);
        await echo.WithoutPauseAsync(Pace.WarmUp);
        await store.WithoutPauseAsync(Pace.WarmUp);
        var rounds = new List<(Throughput Echo, Throughput Store)>();
        for (int round = 0; round < pace.Rounds; round++)
        {
            rounds.Add((await echo.WithoutPauseAsync(pace.Round), await store.WithoutPauseAsync(pace.Round)));
            Console.WriteLine($"echo    {rounds[^1].Echo}");
            Console.WriteLine($"lookup  {rounds[^1].Store}");
        }

        report.Add("echo, requests", Median.Of(rounds, round => round.Echo.PerSecond), "1/s");
        report.Add("lookup of 1 x 20, requests", Median.Of(rounds, round => round.Store.PerSecond), "1/s");
        report.AtLeast("lookup of 1 x 20, requests/s of the echo's", Median.Of(rounds, round => round.Store.PerSecond / round.Echo.PerSecond), "x", 0.8);
        report.Add("echo, server CPU", Median.Of(rounds, round => round.Echo.ServerMicros), "us");
        report.Add("lookup of 1 x 20, server CPU", Median.Of(rounds, round => round.Store.ServerMicros), "us");
        report.AtMost("lookup of 1 x 20, server CPU of the echo's", Median.Of(rounds, round => round.Store.ServerMicros / round.Echo.ServerMicros), "x", 1.25);
        double half = Median.Of(rounds, round => round.Store.PerSecond) / 2;
        var atHalf = await TurnsAsync(echo, store, half, pace);
        report.Add($"echo at half load ({half:N0}/s), p99", Median.Of(atHalf, turn => Steady.Ms(turn.Echo, 99)), "ms");
        report.Add($"lookup at half load ({half:N0}/s), p99", Median.Of(atHalf, turn => Steady.Ms(turn.Store, 99)), "ms");
        report.AtMost("lookup at half load, p99 added to the echo's", Median.Of(atHalf, turn => Steady.Ms(turn.Store, 99) - Steady.Ms(turn.Echo, 99)), "ms", 0.3);
        var low = await TurnsAsync(echo, store, LowRate, pace);
        report.Add("echo at 1,000/s, p99", Median.Of(low, turn => Steady.Ms(turn.Echo, 99)), "ms");
        report.Add("lookup of 1 x 20 at 1,000/s, p50", Median.Of(low, turn => Steady.Ms(turn.Store, 50)), "ms");
        report.AtMost("lookup of 1 x 20 at 1,000/s, p99", Median.Of(low, turn => Steady.Ms(turn.Store, 99)), "ms", 0.8);
    }

    private static async Task<IReadOnlyList<(LoadRecord Echo, LoadRecord Store)>> TurnsAsync(Lookups echo, Lookups store, double rate, Pace pace)
    {
        var turns = new List<(LoadRecord Echo, LoadRecord Store)>();
        for (int turn = 0; turn < Turns; turn++)
        {
            LoadRecord wire = (await Steady.RunAsync(Steady.Lane("echo", rate, pace.Steady / 2, echo.AskAsync)))[0];
            LoadRecord lookup = (await Steady.RunAsync(Steady.Lane("lookup", rate, pace.Steady / 2, store.AskAsync)))[0];
            turns.Add((wire, lookup));
            Console.WriteLine($"echo at {rate:N0}/s    {Steady.Text(wire)}");
            Console.WriteLine($"lookup at {rate:N0}/s  {Steady.Text(lookup)}");
        }

        return turns;
    }
}
