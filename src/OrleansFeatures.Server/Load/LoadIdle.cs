namespace OrleansFeatures.Server.Load;

/// <summary>
/// What the generator takes for itself: pacing and counting at a rate, with nobody to send to. Its send delay is the error that every latency of a run at that rate holds,
/// and its CPU time is what it takes from a server on the same machine before any call.
/// </summary>
/// <param name="SendDelay">From when a request was due until it was issued.</param>
/// <param name="CpuMicrosPerRequest">CPU time of pacing and counting one request.</param>
internal sealed record LoadIdle(LatencyHistogram SendDelay, double CpuMicrosPerRequest)
{
    public static async Task<LoadIdle> MeasureAsync(double rate, Spacing spacing, ulong seed, CancellationToken cancellationToken)
    {
        // One round for the compiler, one for the figures.
        await RunAsync(rate, spacing, seed, cancellationToken).ConfigureAwait(false);
        OpenLoop loop = await RunAsync(rate, spacing, seed, cancellationToken).ConfigureAwait(false);
        LoadRecord record = loop.Records[0].Record;
        return new LoadIdle(record.SendDelay, loop.CpuTime.TotalMicroseconds / Math.Max(1, record.Due));
    }

    private static async Task<OpenLoop> RunAsync(double rate, Spacing spacing, ulong seed, CancellationToken cancellationToken)
    {
        var lane = new LoadLane("idle", new Nobody(), new Arrivals(RateProfile.Constant(rate, Limits.LoadIdle), spacing, seed));
        using var loop = new OpenLoop(new MonotonicClock(rate), [lane], new OpenLoopOptions());
        await loop.RunAsync(cancellationToken).ConfigureAwait(false);
        return loop;
    }

    private sealed class Nobody : ILoadTarget
    {
        private static readonly Task<LoadOutcome> Answered = Task.FromResult(LoadOutcome.Answered);

        public Task<LoadOutcome> SendAsync(CancellationToken abandoned) => Answered;
    }
}
