using OrleansFeatures.Server.Load;
using OrleansFeatures.V1;

namespace OrleansFeatures.Benchmarks.Serving.Sections;

/// <summary>
/// From when a batch of events was due until a lookup with the token of its push has been answered, so with both ways over the wire and the group commit between: an upper bound of when the events can be read. Every batch is
/// measured; there is no other load.
/// </summary>
internal static class PushToReadable
{
    private const int BatchesPerSecond = 200;
    private static readonly int[] EventRates = [10_000, 50_000];

    public static async Task RunAsync(Stage stage, Pace pace, Report report)
    {
        foreach (int events in EventRates)
        {
            LoadRecord record = (await Steady.RunAsync(Steady.Lane("readable", BatchesPerSecond, pace.Steady, cancellation => PushAndReadAsync(stage, events / BatchesPerSecond, cancellation), Spacing.Even)))[0];
            Console.WriteLine($"{events:N0} events/s  {Steady.Text(record)}");
            report.Add($"push to readable at {events:N0} events/s, fsync on, p50", Steady.Ms(record, 50), "ms");
            report.Add($"push to readable at {events:N0} events/s, fsync on, p99", Steady.Ms(record, 99), "ms");
            report.AtMost($"push to readable at {events:N0} events/s, fsync on, p99.9", Steady.Ms(record, 99.9), "ms", 20);
        }
    }

    private static async Task PushAndReadAsync(Stage stage, int events, CancellationToken cancellationToken)
    {
        await Task.Yield();
        int client = Random.Shared.Next(Target.Connections);
        PushRequest push = stage.Cards.Now(events, Random.Shared);
        PushResponse pushed = await new IngestService.IngestServiceClient(stage.Store.Channel(client)).PushAsync(push, cancellationToken: cancellationToken);
        GetFeaturesRequest lookup = Cards.Lookup(Cards.TwentyFeatures, [push.Columns.Columns[Cards.CardColumn].Int64S[^1]]);
        lookup.MinToken = pushed.Token;
        await new FeatureService.FeatureServiceClient(stage.Store.Channel(client)).GetFeaturesAsync(lookup, cancellationToken: cancellationToken);
    }
}
