using Grpc.Core;
using OrleansFeatures.Server.Load;

namespace OrleansFeatures.Benchmarks.Serving;

/// <summary>Requests at a fixed rate that are due whatever the server does; time runs from when a request was due. A run in which anything failed does not count: it throws.</summary>
internal static class Steady
{
    private const ulong Seed = 20251121;

    /// <summary>One kind of request, as strangers come; or evenly, where the batches of one producer stand for its events.</summary>
    public static LoadLane Lane(string name, double rate, TimeSpan duration, Func<CancellationToken, Task> send, Spacing spacing = Spacing.Poisson) =>
        new(name, new Calls(send), new Arrivals(RateProfile.Constant(rate, duration + Pace.SteadyWarmUp), spacing, Seed));

    /// <summary>Runs the lanes together; the records are in their order.</summary>
    public static async Task<LoadRecord[]> RunAsync(params LoadLane[] lanes)
    {
        using var load = new OpenLoop(new MonotonicClock(lanes.Sum(lane => lane.Arrivals.Profile.Peak)), lanes, new OpenLoopOptions { WarmUp = Pace.SteadyWarmUp });
        await load.RunAsync(CancellationToken.None);
        foreach ((string name, LoadRecord record) in load.Records)
        {
            if (record.Failed > 0)
            {
                throw new InvalidOperationException($"{name}: {string.Join("; ", record.Failures.Select(failure => $"{failure.Value.Count:N0} times {failure.Key}: {failure.Value.FirstDetail}"))}");
            }
        }

        return [.. load.Records.Select(record => record.Record)];
    }

    /// <summary>One lane by itself, several times, so that a stall of the machine spoils a round and not the figure. Prints each.</summary>
    public static async Task<IReadOnlyList<LoadRecord>> RoundsAsync(string name, double rate, Pace pace, Func<CancellationToken, Task> send)
    {
        var rounds = new List<LoadRecord>();
        for (int round = 0; round < pace.Rounds; round++)
        {
            rounds.Add((await RunAsync(Lane(name, rate, pace.Steady / 2, send)))[0]);
            Console.WriteLine($"{name} at {rate:N0}/s  {Text(rounds[^1])}");
        }

        return rounds;
    }

    public static string Text(LoadRecord record) =>
        $"{record.Answered,8:N0} answered   p50 {Ms(record, 50),7:N3} ms   p99 {Ms(record, 99),7:N3} ms   p99.9 {Ms(record, 99.9),7:N3} ms   max {record.Latency.Longest.TotalMilliseconds,7:N2} ms   (sent late: p99 {record.SendDelay.Percentile(99).TotalMilliseconds:N3} ms)";

    public static double Ms(LoadRecord record, double percent) => record.Latency.Percentile(percent).TotalMilliseconds;

    private sealed class Calls(Func<CancellationToken, Task> send) : ILoadTarget
    {
        public async Task<LoadOutcome> SendAsync(CancellationToken abandoned)
        {
            try
            {
                await send(abandoned).ConfigureAwait(false);
                return LoadOutcome.Answered;
            }
            catch (RpcException refused)
            {
                return new LoadOutcome(refused.StatusCode.ToString(), refused.Status.Detail);
            }
        }
    }
}
