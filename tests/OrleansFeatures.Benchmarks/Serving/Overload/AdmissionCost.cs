using System.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Patterns;
using OrleansFeatures.Gateway.Admission;

namespace OrleansFeatures.Benchmarks.Serving.Overload;

/// <summary>What admission adds to a lookup while there is room: a call that does nothing, with and without it, on one thread and on all cores at once.</summary>
internal static class AdmissionCost
{
    private const int Calls = 3_000_000;
    private const int Rounds = 5;

    public static void Run()
    {
        using var room = new IngestRoom();
        using var admission = new CallAdmission(new AdmissionLimits(), TimeProvider.System, room);
        var endpoint = new RouteEndpointBuilder(static _ => Task.CompletedTask, RoutePatternFactory.Parse("/features/v1/{service}:get"), 0);
        RequestDelegate plain = endpoint.RequestDelegate!;
        admission.Guard(endpoint);
        RequestDelegate guarded = endpoint.RequestDelegate!;
        foreach (int threads in new[] { 1, Environment.ProcessorCount })
        {
            // Of several rounds the quickest: whatever else runs on the machine only adds.
            double without = Enumerable.Range(0, Rounds).Min(_ => NanosecondsOf(plain, threads));
            double with = Enumerable.Range(0, Rounds).Min(_ => NanosecondsOf(guarded, threads));
            Console.WriteLine($"admission adds {with - without:N0} ns to a lookup, {threads} thread{(threads == 1 ? "" : "s")} at once");
        }
    }

    private static double NanosecondsOf(RequestDelegate call, int threads)
    {
        TimeSpan[] taken = new TimeSpan[threads];
        Thread[] callers = [.. Enumerable.Range(0, threads).Select(index => new Thread(() =>
        {
            var http = new DefaultHttpContext();
            long begin = Stopwatch.GetTimestamp();
            for (int made = 0; made < Calls; made++)
            {
                call(http);
            }

            taken[index] = Stopwatch.GetElapsedTime(begin);
        }))];
        Array.ForEach(callers, caller => caller.Start());
        Array.ForEach(callers, caller => caller.Join());
        return taken.Average(time => time.TotalNanoseconds) / Calls;
    }
}
