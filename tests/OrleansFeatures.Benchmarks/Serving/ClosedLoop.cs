using System.Diagnostics;

namespace OrleansFeatures.Benchmarks.Serving;

/// <summary>Clients that each ask again as soon as they have been answered: what a server can answer at most, and what an answer costs it.</summary>
internal static class ClosedLoop
{
    /// <param name="target">Who is asked; its CPU time is taken.</param>
    /// <param name="clients">How many ask at once.</param>
    /// <param name="duration">For how long.</param>
    /// <param name="ask">One call of a client.</param>
    public static async Task<Throughput> RunAsync(Target target, int clients, TimeSpan duration, Func<int, Random, Task> ask)
    {
        TimeSpan cpu = target.CpuTime();
        TimeSpan own = Environment.CpuUsage.TotalTime;
        long begin = Stopwatch.GetTimestamp();
        long end = begin + (long)(duration.TotalSeconds * Stopwatch.Frequency);
        long[] counts = await Task.WhenAll(Enumerable.Range(0, clients).Select(client => Task.Run(async () =>
        {
            var random = new Random(client);
            long asked = 0;
            for (; Stopwatch.GetTimestamp() < end; asked++)
            {
                await ask(client, random);
            }

            return asked;
        })));
        TimeSpan elapsed = Stopwatch.GetElapsedTime(begin);
        return new Throughput(counts.Sum(), elapsed, target.CpuTime() - cpu, Environment.CpuUsage.TotalTime - own);
    }
}

/// <summary>How many calls in how long, and what they cost the server and the client.</summary>
internal sealed record Throughput(long Calls, TimeSpan Elapsed, TimeSpan ServerCpu, TimeSpan ClientCpu)
{
    public double PerSecond => Calls / Elapsed.TotalSeconds;

    public double ServerMicros => ServerCpu.TotalMicroseconds / Calls;

    public double ClientMicros => ClientCpu.TotalMicroseconds / Calls;

    public override string ToString() => $"{PerSecond,10:N0}/s   server {ServerMicros,7:N2} us   client {ClientMicros,7:N2} us";
}
