using OrleansFeatures.Server.Load.Objectives;

namespace OrleansFeatures.Server.Load.Report;

/// <summary>A finished run: all that its table, its JSON and its page are made from.</summary>
/// <param name="Server">Who was asked.</param>
/// <param name="Scenario">With the rates and the duration of this run.</param>
/// <param name="Run">How it was paced.</param>
/// <param name="Measured">The run without its warm-up, as long as it came.</param>
/// <param name="Lanes">What was measured, by operation.</param>
/// <param name="Generator">What the generator took for itself.</param>
/// <param name="Objectives">The promise, as far as this scenario touches it.</param>
/// <param name="Bars">Our own, likewise.</param>
internal sealed record LoadReport(
    string Server, Scenario Scenario, LoadRun Run, TimeSpan Measured, IReadOnlyList<LaneReport> Lanes, GeneratorReport Generator, IReadOnlyList<Verdict> Objectives, IReadOnlyList<Verdict> Bars)
{
    /// <summary>Judges every lane by every bound on its operation.</summary>
    public static IReadOnlyList<Verdict> Judge(IEnumerable<Objective> objectives, IReadOnlyList<LaneReport> lanes) =>
    [
        .. from objective in objectives
           from lane in lanes
           where lane.Name == objective.Operation
           let verdict = objective.Judge(lane.Record)
           where verdict is not null
           select verdict,
    ];
}

/// <summary>How a run was paced.</summary>
internal sealed record LoadRun(DateTime StartedUtc, TimeSpan WarmUp, Spacing Spacing, ulong Seed, string Transport, int Connections, int UnderWayMax);

/// <summary>One operation's figures.</summary>
internal sealed record LaneReport(string Name, LoadRecord Record, TimeSpan Measured)
{
    /// <summary>The percentiles that are always shown.</summary>
    public static IReadOnlyList<double> Percentiles { get; } = [50, 90, 99, 99.9, 99.99];

    public double AskedRate => Rate(Record.Due);

    public double AnsweredRate => Rate(Record.Answered);

    /// <summary>Null when there were too few requests for it: of 1,000, none stands for one in 10,000.</summary>
    public TimeSpan? Percentile(double percent) =>
        Record.Latency.Count * (100 - percent) / 100 >= 1 - 1e-9 ? Record.Latency.Percentile(percent) : null;

    private double Rate(long count) => Measured > TimeSpan.Zero ? count / Measured.TotalSeconds : 0;
}

/// <summary>What the generator took for itself.</summary>
/// <param name="Idle">Pacing at the same rate with nobody to send to.</param>
/// <param name="SendDelay">Of the run, all operations: from when a request was due until it was sent.</param>
/// <param name="CpuMicrosPerRequest">CPU time of this process per request of the run: pacing, gRPC client, kernel.</param>
internal sealed record GeneratorReport(LoadIdle Idle, LatencyHistogram SendDelay, double CpuMicrosPerRequest)
{
    public static GeneratorReport Of(LoadIdle idle, OpenLoop loop)
    {
        var delay = new LatencyHistogram(LatencyHistogram.ThreeDigits);
        foreach ((_, LoadRecord record) in loop.Records)
        {
            delay.Add(record.SendDelay);
        }

        return new GeneratorReport(idle, delay, loop.CpuTime.TotalMicroseconds / Math.Max(1, loop.Records.Sum(record => record.Record.Due)));
    }

    /// <summary>The generator, or the bound on what may be under way, was so late that the figures are no longer the server's alone.</summary>
    public bool IsLate => SendDelay.Percentile(99) > Limits.LoadSendDelayMax;
}
