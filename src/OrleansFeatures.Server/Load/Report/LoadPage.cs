using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using OrleansFeatures.Server.Load.Objectives;

namespace OrleansFeatures.Server.Load.Report;

/// <summary>A finished run as one HTML file that needs nothing else: no scripts, no fonts, no network. Light or dark as the reader's system is.</summary>
internal static class LoadPage
{
    private const string Style = """
        :root { color-scheme: light dark; --text: #1f2328; --faint: #6e7781; --line: #d8dee4; --ground: #ffffff; --card: #f6f8fa; --first: #0969da; --second: #bc4c00; --third: #cf222e; --good: #1a7f37; --warn: #9a6700; }
        @media (prefers-color-scheme: dark) { :root { --text: #e6edf3; --faint: #8b949e; --line: #30363d; --ground: #0d1117; --card: #161b22; --first: #58a6ff; --second: #f0883e; --third: #ff7b72; --good: #3fb950; --warn: #d29922; } }
        * { box-sizing: border-box; }
        body { margin: 0 auto; max-width: 1280px; padding: 32px 24px 64px; background: var(--ground); color: var(--text); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
        h1 { font-size: 26px; margin: 0; } h2 { font-size: 19px; margin: 40px 0 12px; } h3 { font-size: 14px; margin: 0 0 8px; color: var(--faint); font-weight: 600; }
        p { margin: 6px 0; } .sub { color: var(--faint); }
        .badge { display: inline-block; padding: 1px 10px; border-radius: 12px; font-weight: 600; font-size: 13px; color: var(--ground); vertical-align: 4px; margin-left: 10px; }
        .good { background: var(--good); } .bad { background: var(--third); } .warn { background: var(--warn); }
        .scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
        th, td { padding: 6px 12px; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; } th { color: var(--faint); font-weight: 600; font-size: 13px; }
        th:first-child, td:first-child, .left th, .left td { text-align: left; } .left td.wide { white-space: normal; }
        .cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(340px, 1fr)); gap: 16px; } .card { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 14px 16px 8px; }
        svg { display: block; width: 100%; height: auto; } .grid { stroke: var(--line); stroke-width: 1; } .tick { fill: var(--faint); font-size: 11px; }
        .line { fill: none; stroke-width: 2; stroke-linejoin: round; } .first { stroke: var(--first); } .second { stroke: var(--second); } .third { stroke: var(--third); } .faint { stroke: var(--faint); stroke-dasharray: 5 4; }
        """;

    public static string Html(LoadReport report)
    {
        string title = $"{report.Scenario.Name}: load on {report.Server}";
        var page = new StringBuilder();
        page.Append("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
        page.Append($"<title>{Text(title)}</title>\n<style>\n{Style}\n</style>\n</head>\n<body>\n");
        page.Append($"<h1>{Text(title)}{Badge(report)}</h1>\n<p class=\"sub\">{Text(LoadTable.Headline(report))}</p>\n<p class=\"sub\">{Text(Circumstances(report))}</p>\n");
        Summary(page, report);
        Verdicts(page, report);
        Failures(page, report);
        foreach (LaneReport lane in report.Lanes)
        {
            Lane(page, lane);
        }

        page.Append("<h2>Generator</h2>\n");
        foreach (string line in LoadTable.GeneratorLines(report.Generator))
        {
            page.Append($"<p>{Text(line)}</p>\n");
        }

        page.Append("<p class=\"sub\">A request's time runs from the instant it was due, not from when it could be sent. Requests that nobody answered count with the time that they waited; refused ones are failures and not in the latencies. A dash stands where there were too few requests for a percentile.</p>\n");
        return page.Append("</body>\n</html>\n").ToString();
    }

    private static string Badge(LoadReport report) =>
        report.Objectives.Any(verdict => !verdict.IsMet) ? "<span class=\"badge bad\">promise broken</span>"
        : report.Objectives.Count > 0 ? "<span class=\"badge good\">promise kept</span>" : "";

    private static string Circumstances(LoadReport report) => string.Create(CultureInfo.InvariantCulture,
        $"started {report.Run.StartedUtc:yyyy-MM-dd HH:mm:ss} UTC; at most {report.Run.UnderWayMax:N0} requests under way; generator on {Environment.ProcessorCount} cores, {RuntimeInformation.OSDescription}, .NET {Environment.Version}");

    private static void Summary(StringBuilder page, LoadReport report)
    {
        IEnumerable<string> headers = ["operation", "asked/s", "answered/s", "failed", .. LaneReport.Percentiles.Select(LoadText.Percentile), "longest"];
        Table(page, "", headers, report.Lanes.Select(lane => (IEnumerable<string>)
        [
            Text(lane.Name), LoadText.Rate(lane.AskedRate), LoadText.Rate(lane.AnsweredRate), LoadText.Count(lane.Record.Failed),
            .. LaneReport.Percentiles.Select(percent => LoadText.Of(lane.Percentile(percent))), LoadText.Of(lane.Record.Latency.Longest),
        ]));
    }

    private static void Verdicts(StringBuilder page, LoadReport report)
    {
        if (report.Objectives.Count + report.Bars.Count == 0)
        {
            return;
        }

        page.Append("<h2>Objectives</h2>\n");
        Table(page, "left", ["objective", "bound", "found", ""],
            report.Objectives.Select(verdict => Row(verdict, "broken", "bad")).Concat(report.Bars.Select(verdict => Row(verdict, "missed", "warn"))));
    }

    private static string[] Row(Verdict verdict, string unmet, string style) =>
    [
        Text(verdict.Objective.Name), Text(verdict.Objective.Text), Text(verdict.FoundText),
        verdict.IsMet ? "<span class=\"badge good\">met</span>" : $"<span class=\"badge {style}\">{unmet}</span>",
    ];

    private static void Failures(StringBuilder page, LoadReport report)
    {
        string[][] rows = [.. report.Lanes.SelectMany(lane => lane.Record.Failures.Select(failure =>
            new[] { Text(lane.Name), Text(failure.Key), LoadText.Count(failure.Value.Count), Text(failure.Value.FirstDetail) }))];
        if (rows.Length > 0)
        {
            page.Append("<h2>Failures</h2>\n");
            Table(page, "left", ["operation", "failed with", "how many", "the first said"], rows);
        }
    }

    private static void Lane(StringBuilder page, LaneReport lane)
    {
        page.Append($"<h2>{Text(lane.Name)}</h2>\n<div class=\"cards\">\n");
        Card(page, "Latency over time, by when requests were due", LoadPlots.OverTime(lane));
        Card(page, "Percentiles, each step to the right ten times rarer", LoadPlots.Curve(lane));
        Card(page, "Requests a second", LoadPlots.Rate(lane));
        page.Append("</div>\n");
    }

    private static void Card(StringBuilder page, string title, string plot) => page.Append($"<div class=\"card\"><h3>{Text(title)}</h3>{plot}</div>\n");

    private static void Table(StringBuilder page, string style, IEnumerable<string> headers, IEnumerable<IEnumerable<string>> rows)
    {
        page.Append($"<div class=\"scroll\"><table class=\"{style}\">\n<tr>{string.Concat(headers.Select(header => $"<th>{Text(header)}</th>"))}</tr>\n");
        foreach (IEnumerable<string> row in rows)
        {
            page.Append($"<tr>{string.Concat(row.Select(cell => $"<td>{cell}</td>"))}</tr>\n");
        }

        page.Append("</table></div>\n");
    }

    private static string Text(string text) => WebUtility.HtmlEncode(text);
}
