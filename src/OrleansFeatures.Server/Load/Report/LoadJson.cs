using System.Text.Json.Nodes;
using OrleansFeatures.Server.Load.Objectives;

namespace OrleansFeatures.Server.Load.Report;

/// <summary>A finished run as one JSON document, for programs. Durations are in milliseconds; a percentile that had too few requests is null.</summary>
internal static class LoadJson
{
    public static JsonObject Document(LoadReport report) => new()
    {
        ["scenario"] = report.Scenario.Name,
        ["server"] = report.Server,
        ["started"] = report.Run.StartedUtc.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", System.Globalization.CultureInfo.InvariantCulture),
        ["measured_seconds"] = report.Measured.TotalSeconds,
        ["warm_up_seconds"] = report.Run.WarmUp.TotalSeconds,
        ["arrivals"] = report.Run.Spacing == Spacing.Poisson ? "poisson" : "even",
        ["seed"] = report.Run.Seed,
        ["transport"] = report.Run.Transport,
        ["connections"] = report.Run.Connections,
        ["operations"] = new JsonArray([.. report.Lanes.Select(Lane)]),
        ["objectives"] = new JsonArray([.. report.Objectives.Select(Judged)]),
        ["bars"] = new JsonArray([.. report.Bars.Select(Judged)]),
        ["generator"] = new JsonObject
        {
            ["idle_send_delay_ms"] = Percentiles(report.Generator.Idle.SendDelay),
            ["idle_cpu_us_per_request"] = Math.Round(report.Generator.Idle.CpuMicrosPerRequest, 2),
            ["send_delay_ms"] = Percentiles(report.Generator.SendDelay),
            ["cpu_us_per_request"] = Math.Round(report.Generator.CpuMicrosPerRequest, 2),
            ["late"] = report.Generator.IsLate,
        },
        ["met"] = report.Objectives.All(verdict => verdict.IsMet),
    };

    private static JsonNode Lane(LaneReport lane)
    {
        var latency = new JsonObject();
        foreach (double percent in LaneReport.Percentiles)
        {
            latency[LoadText.Percentile(percent)] = lane.Percentile(percent)?.TotalMilliseconds;
        }

        latency["longest"] = lane.Record.Latency.Longest.TotalMilliseconds;
        var failures = new JsonObject();
        foreach ((string code, LoadFailures each) in lane.Record.Failures)
        {
            failures[code] = each.Count;
        }

        return new JsonObject
        {
            ["operation"] = lane.Name,
            ["due"] = lane.Record.Due,
            ["answered"] = lane.Record.Answered,
            ["asked_per_second"] = Math.Round(lane.AskedRate, 1),
            ["answered_per_second"] = Math.Round(lane.AnsweredRate, 1),
            ["failures"] = failures,
            ["latency_ms"] = latency,
            ["from_sending_ms"] = Percentiles(lane.Record.FromSending),
        };
    }

    private static JsonNode Judged(Verdict verdict) => new JsonObject
    {
        ["name"] = verdict.Objective.Name,
        ["bound"] = verdict.Objective.Text,
        ["found"] = Math.Round(verdict.Found, 4),
        ["met"] = verdict.IsMet,
    };

    private static JsonObject Percentiles(LatencyHistogram histogram) => new()
    {
        ["p50"] = histogram.Percentile(50).TotalMilliseconds,
        ["p99"] = histogram.Percentile(99).TotalMilliseconds,
        ["longest"] = histogram.Longest.TotalMilliseconds,
    };
}
