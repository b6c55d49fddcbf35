using System.Globalization;
using OrleansFeatures.Server.Load.Objectives;
using OrleansFeatures.Server.Output;
using Spectre.Console;

namespace OrleansFeatures.Server.Load.Report;

/// <summary>A finished run on a terminal.</summary>
internal static class LoadTable
{
    private static readonly Style Good = new(Color.Green);
    private static readonly Style Bad = new(Color.Red, decoration: Decoration.Bold);
    private static readonly Style Warning = new(Color.Yellow);

    public static void Write(Terminal terminal, LoadReport report)
    {
        terminal.Write(Headline(report));
        WriteLanes(terminal, report);
        WriteFailures(terminal, report);
        WriteVerdicts(terminal, report);
        foreach (string line in GeneratorLines(report.Generator))
        {
            terminal.Write(line);
        }
    }

    public static string Headline(LoadReport report) => string.Create(CultureInfo.InvariantCulture,
        $"{report.Scenario.Name}: {report.Measured.TotalSeconds:0.#} s measured after {report.Run.WarmUp.TotalSeconds:0.#} s of warm-up, {SpacingText(report.Run.Spacing)}, seed {report.Run.Seed}, {report.Run.Connections} {report.Run.Transport} connections to {report.Server}");

    public static string SpacingText(Spacing spacing) => spacing == Spacing.Poisson ? "Poisson arrivals" : "even arrivals";

    public static IEnumerable<string> GeneratorLines(GeneratorReport generator)
    {
        LatencyHistogram idle = generator.Idle.SendDelay, run = generator.SendDelay;
        yield return string.Create(CultureInfo.InvariantCulture,
            $"generator alone: sends p50 {LoadText.Of(idle.Percentile(50))}, p99 {LoadText.Of(idle.Percentile(99))} after the instant due, {generator.Idle.CpuMicrosPerRequest:0.0} us of CPU per request");
        yield return string.Create(CultureInfo.InvariantCulture,
            $"in this run:     sends p50 {LoadText.Of(run.Percentile(50))}, p99 {LoadText.Of(run.Percentile(99))}, at most {LoadText.Of(run.Longest)} after, {generator.CpuMicrosPerRequest:0.0} us of CPU per request; all of it is in the figures above");
        if (generator.IsLate)
        {
            yield return $"warning: one request in a hundred was sent more than {LoadText.Of(Limits.LoadSendDelayMax)} late: this machine, or the number that may be under way, bounds the load, and the latencies are not the server's alone";
        }
    }

    private static void WriteLanes(Terminal terminal, LoadReport report)
    {
        string[] headers = ["operation", "asked/s", "answered/s", "failed", .. LaneReport.Percentiles.Select(LoadText.Percentile), "longest"];
        Table table = Terminal.NewTable(headers);
        foreach (TableColumn column in table.Columns.Skip(1))
        {
            column.RightAligned();
        }

        foreach (LaneReport lane in report.Lanes)
        {
            table.AddRow(
            [
                Terminal.Cell(lane.Name),
                Terminal.Cell(LoadText.Rate(lane.AskedRate)),
                Terminal.Cell(LoadText.Rate(lane.AnsweredRate)),
                Terminal.Cell(LoadText.Count(lane.Record.Failed), lane.Record.Failed > 0 ? Bad : null),
                .. LaneReport.Percentiles.Select(percent => Terminal.Cell(LoadText.Of(lane.Percentile(percent)))),
                Terminal.Cell(LoadText.Of(lane.Record.Latency.Longest)),
            ]);
        }

        terminal.Write(table);
    }

    private static void WriteFailures(Terminal terminal, LoadReport report)
    {
        if (report.Lanes.All(lane => lane.Record.Failed == 0))
        {
            return;
        }

        Table table = Terminal.NewTable("operation", "failed with", "how many", "the first said");
        foreach (LaneReport lane in report.Lanes)
        {
            foreach ((string code, LoadFailures failures) in lane.Record.Failures.OrderByDescending(each => each.Value.Count))
            {
                table.AddRow(Terminal.Cell(lane.Name), Terminal.Cell(code, Bad), Terminal.Cell(LoadText.Count(failures.Count)), Terminal.Cell(failures.FirstDetail));
            }
        }

        terminal.Write(table);
    }

    private static void WriteVerdicts(Terminal terminal, LoadReport report)
    {
        Table table = Terminal.NewTable("objective", "bound", "found", "");
        foreach (Verdict verdict in report.Objectives)
        {
            table.AddRow(Row(verdict, verdict.IsMet ? "met" : "BROKEN", verdict.IsMet ? Good : Bad));
        }

        foreach (Verdict verdict in report.Bars)
        {
            table.AddRow(Row(verdict, verdict.IsMet ? "met" : "missed", verdict.IsMet ? Good : Warning));
        }

        if (table.Rows.Count > 0)
        {
            terminal.Write(table);
        }
    }

    private static Text[] Row(Verdict verdict, string word, Style style) =>
        [Terminal.Cell(verdict.Objective.Name), Terminal.Cell(verdict.Objective.Text), Terminal.Cell(verdict.FoundText), Terminal.Cell(word, style)];
}
