using System.Globalization;

namespace OrleansFeatures.Server.Load.Objectives;

/// <summary>One bound on one operation: on a percentile of its latency, or on the share of its requests that fail.</summary>
/// <param name="Name">What a broken one is called.</param>
/// <param name="Operation">One of <see cref="Operations"/>.</param>
/// <param name="Percentile">Above 0 to 100, of the latency from when a request was due; null: a bound on failures.</param>
/// <param name="Bound">Milliseconds that the percentile stays below, or percent that failures do not exceed.</param>
internal sealed record Objective(string Name, string Operation, double? Percentile, double Bound)
{
    /// <summary>"lookup p99 below 5 ms".</summary>
    public string Text => Percentile is { } percentile
        ? string.Create(CultureInfo.InvariantCulture, $"{Operation} {PercentileText(percentile)} below {Bound} ms")
        : string.Create(CultureInfo.InvariantCulture, $"{Operation} at most {Bound} % failed");

    /// <summary>How a lane did; null when it has counted nothing to judge by.</summary>
    public Verdict? Judge(LoadRecord record)
    {
        if (Percentile is { } percentile)
        {
            double milliseconds = record.Latency.Percentile(percentile).TotalMilliseconds;
            return record.Latency.Count == 0 ? null : new Verdict(this, milliseconds, milliseconds < Bound);
        }

        double failed = record.Due == 0 ? 0 : 100.0 * record.Failed / record.Due;
        return record.Due == 0 ? null : new Verdict(this, failed, failed <= Bound);
    }

    public static string PercentileText(double percentile) =>
        percentile == 100 ? "longest" : string.Create(CultureInfo.InvariantCulture, $"p{percentile}");
}

/// <summary>An objective and what was found: milliseconds, or percent failed.</summary>
internal sealed record Verdict(Objective Objective, double Found, bool IsMet)
{
    public string FoundText => Objective.Percentile is null
        ? string.Create(CultureInfo.InvariantCulture, $"{Found:0.###} %")
        : string.Create(CultureInfo.InvariantCulture, $"{Found:0.###} ms");
}
