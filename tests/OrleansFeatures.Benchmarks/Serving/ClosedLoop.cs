using System.Diagnostics;
using OrleansFeatures.Server.Load;

namespace OrleansFeatures.Benchmarks.Serving;

/// <summary>Clients that each ask again as soon as they have been answered: what a server can answer at most, and what an answer costs it.</summary>
internal static class ClosedLoop
{
    /// <summary>Eight to a connection: enough that the server always has something to do, few enough that nothing queues for long.</summary>
    public const int Clients = 32;

    /// <param name="target">Who is asked; its CPU time is taken.</param>
    /// <param name="clients">How many ask at once.</param>
    /// <param name="duration">For how long.</param>
    /// <param name="ask">One call of a client.</param>
    public static async Task<Throughput> RunAsync(Target target, int clients, TimeSpan duration, Func<int, Random, Task> ask)
    {
        var latency = new LatencyHistogram(LatencyHistogram.ThreeDigits);
        TimeSpan cpu = target.CpuTime();
        TimeSpan own = Environment.CpuUsage.TotalTime;
        long begin = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, clients).Select(client => Task.Run(async () =>
        {
            var random = new Random(client);
            for (long asked = begin; Stopwatch.GetElapsedTime(begin, asked) < duration;)
            {
                await ask(client, random);
                long answered = Stopwatch.GetTimestamp();
                latency.Record(Stopwatch.GetElapsedTime(asked, answered));
                asked = answered;
            }
        })));
        return new Throughput(latency, Stopwatch.GetElapsedTime(begin), target.CpuTime() - cpu, Environment.CpuUsage.TotalTime - own);
    }
}

/// <summary>How many calls in how long, and what they cost the server and the client.</summary>
internal sealed record Throughput(LatencyHistogram Latency, TimeSpan Elapsed, TimeSpan ServerCpu, TimeSpan ClientCpu)
{
    public long Calls => Latency.Count;

    public double PerSecond => Calls / Elapsed.TotalSeconds;

    public double ServerMicros => ServerCpu.TotalMicroseconds / Calls;

    public double ClientMicros => ClientCpu.TotalMicroseconds / Calls;

    public override string ToString() => $"{PerSecond,10:N0}/s   CPU of server {ServerMicros,7:N2} us, of client {ClientMicros,7:N2} us   p50 {Latency.Percentile(50).TotalMilliseconds,6:N2} ms   p99 {Latency.Percentile(99).TotalMilliseconds,6:N2} ms";
}
