using System.Collections.Concurrent;
using System.Diagnostics;
using Google.Protobuf;
using OrleansFeatures.Benchmarks.Serving.Echo;
using OrleansFeatures.Server.Load;
using OrleansFeatures.V1;

namespace OrleansFeatures.Benchmarks.Serving.Sections;

/// <summary>
/// From when a batch of events was due until a lookup with the token of its push has been answered, so with both ways over the wire and the group commit between: an upper bound of when the events can be read. Every batch is
/// measured; there is no other load. In turns with it, at the same rate: the same bytes appended to a bare file and synced, and the same two calls at the echo, which does just that with a push. What these take in the same minute
/// on the same disk and wire is not the store's.
/// </summary>
internal static class PushToReadable
{
    private const int BatchesPerSecond = 200;
    private const int Rounds = 3;
    private static readonly int[] EventRates = [10_000, 50_000];
    private static readonly TimeSpan Aim = TimeSpan.FromMilliseconds(20);

    public static async Task RunAsync(Stage stage, Pace pace, Report report)
    {
        using var file = new BareLog(Path.Combine(stage.Directory, "bare"));
        foreach (int events in EventRates)
        {
            int batch = events / BatchesPerSecond;
            var disk = new Subject("disk alone", pace, _ => file.AppendAsync(stage.Cards.Now(batch, Random.Shared).ToByteArray()));
            var echo = new Subject("echo that syncs", pace, cancellation => PushAndReadAsync(stage, stage.Echo, batch, cancellation));
            var store = new Subject("push to readable", pace, cancellation => PushAndReadAsync(stage, stage.Store, batch, cancellation));
            await echo.WarmUpAsync();
            await store.WarmUpAsync();
            for (int round = 0; round < Rounds; round++)
            {
                await disk.MeasureAsync(events);
                await echo.MeasureAsync(events);
                await store.MeasureAsync(events);
            }

            Add(report, disk, events);
            Add(report, echo, events);
            Add(report, store, events, Aim.TotalMilliseconds);
            report.Add($"push to readable at {events:N0} events/s, p50 of the echo's", store.Ms(50) / echo.Ms(50), "x");
            report.Add($"push to readable at {events:N0} events/s, p99.9 of the echo's", store.Ms(99.9) / echo.Ms(99.9), "x");
            Console.WriteLine($"of {store.Slow:N0} batches that took longer than {Aim.TotalMilliseconds} ms from when they were sent, {store.SlowInStall:N0} met a core that stood still; of the echo's {echo.Slow:N0}, {echo.SlowInStall:N0}; of the disk's {disk.Slow:N0}, {disk.SlowInStall:N0}");
        }
    }

    private static void Add(Report report, Subject subject, int events, double? bar = null)
    {
        string name = $"{subject.Name} at {events:N0} events/s, fsync on";
        report.Add($"{name}, p50", subject.Ms(50), "ms");
        report.Add($"{name}, p99", subject.Ms(99), "ms");
        if (bar is { } most)
        {
            report.AtMost($"{name}, p99.9", subject.Ms(99.9), "ms", most);
        }
        else
        {
            report.Add($"{name}, p99.9", subject.Ms(99.9), "ms");
        }
    }

    private static async Task PushAndReadAsync(Stage stage, Target target, int events, CancellationToken cancellationToken)
    {
        int client = Random.Shared.Next(Target.Connections);
        PushRequest push = stage.Cards.Now(events, Random.Shared);
        PushResponse pushed = await new IngestService.IngestServiceClient(target.Channel(client)).PushAsync(push, cancellationToken: cancellationToken);
        GetFeaturesRequest lookup = Cards.Lookup(Cards.TwentyFeatures, [push.Columns.Columns[Cards.CardColumn].Int64S[^1]]);
        lookup.MinToken = pushed.Token;
        await new FeatureService.FeatureServiceClient(target.Channel(client)).GetFeaturesAsync(lookup, cancellationToken: cancellationToken);
    }

    /// <summary>Something that takes batches at the rate, measured over several rounds that count together.</summary>
    private sealed class Subject(string name, Pace pace, Func<CancellationToken, Task> send)
    {
        private readonly LatencyHistogram _latency = new(LatencyHistogram.ThreeDigits);
        private readonly ConcurrentQueue<(long From, long Until)> _slow = [];

        public string Name => name;

        /// <summary>Batches over the aim.</summary>
        public long Slow { get; private set; }

        /// <summary>Those during which some core stood still.</summary>
        public long SlowInStall { get; private set; }

        public double Ms(double percent) => _latency.Percentile(percent).TotalMilliseconds;

        public Task WarmUpAsync() => Steady.RunAsync(Steady.Lane(name, BatchesPerSecond, Pace.WarmUp, YieldAndSendAsync, Spacing.Even));

        public async Task MeasureAsync(int events)
        {
            using Stalls stalls = Stalls.Watch();
            LoadRecord record = (await Steady.RunAsync(Steady.Lane(name, BatchesPerSecond, pace.Steady / 2, WatchedAsync, Spacing.Even)))[0];
            _latency.Add(record.Latency);
            while (_slow.TryDequeue(out (long From, long Until) slow))
            {
                Slow++;
                SlowInStall += stalls.Met(slow.From, slow.Until) ? 1 : 0;
            }

            Console.WriteLine($"{events:N0} events/s  {name,-16}  {Steady.Text(record)}   {stalls}");
        }

        private async Task WatchedAsync(CancellationToken cancellationToken)
        {
            long from = Stopwatch.GetTimestamp();
            await YieldAndSendAsync(cancellationToken);
            long until = Stopwatch.GetTimestamp();
            if (Stopwatch.GetElapsedTime(from, until) > Aim)
            {
                _slow.Enqueue((from, until));
            }
        }

        /// <summary>The thread that keeps the pace makes no requests.</summary>
        private async Task YieldAndSendAsync(CancellationToken cancellationToken)
        {
            await Task.Yield();
            await send(cancellationToken);
        }
    }
}
