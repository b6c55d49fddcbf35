using System.Globalization;
using OrleansFeatures.Server.Output;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace OrleansFeatures.Server.Load.Report;

/// <summary>Shows a run while it runs: a live table on a terminal, else a plain line on standard error every few seconds. The run does not report; it is looked at.</summary>
internal sealed class LoadScreen(OpenLoop loop, string title)
{
    private const int BarWidth = 40;

    public async Task FollowAsync(Terminal terminal, Task work)
    {
        if (terminal.IsWatched)
        {
            await terminal.Status.Live(Draw()).AutoClear(true).StartAsync(async live =>
            {
                while (!await EndsWithinAsync(work, Limits.LoadRedraw).ConfigureAwait(false))
                {
                    live.UpdateTarget(Draw());
                }
            }).ConfigureAwait(false);
        }
        else
        {
            while (!await EndsWithinAsync(work, Limits.LoadPlainLine).ConfigureAwait(false))
            {
                Terminal.Remark(Line());
            }
        }

        await work.ConfigureAwait(false);
    }

    internal IRenderable Draw()
    {
        var table = new Table { Border = TableBorder.Rounded, Title = new TableTitle(Markup.Escape(title)), Caption = new TableTitle(Markup.Escape(Progress())) };
        table.AddColumns("operation", "due", "answered", "failed", "p50", "p99", "longest", "last seconds: p99");
        foreach (TableColumn column in table.Columns.Skip(1))
        {
            column.RightAligned();
        }

        foreach ((string name, LoadRecord record) in loop.Records)
        {
            table.AddRow(
                Terminal.Cell(name),
                Terminal.Cell(LoadText.Count(record.Due)),
                Terminal.Cell(LoadText.Count(record.Answered)),
                Terminal.Cell(LoadText.Count(record.Failed), record.Failed > 0 ? new Style(Color.Red) : null),
                Terminal.Cell(LoadText.Of(record.Latency.Percentile(50))),
                Terminal.Cell(LoadText.Of(record.Latency.Percentile(99))),
                Terminal.Cell(LoadText.Of(record.Latency.Longest)),
                Terminal.Cell(Recent(record)));
        }

        return table;
    }

    internal string Line()
    {
        IEnumerable<string> lanes = loop.Records.Select(lane =>
            $"{lane.Name} {LoadText.Count(lane.Record.Answered)} of {LoadText.Count(lane.Record.Due)}, p99 {LoadText.Of(lane.Record.Latency.Percentile(99))}{(lane.Record.Failed > 0 ? $", {LoadText.Count(lane.Record.Failed)} failed" : "")}");
        return string.Create(CultureInfo.InvariantCulture, $"{loop.Elapsed.TotalSeconds,5:F0} s  {string.Join("; ", lanes)}; {loop.UnderWay} under way");
    }

    private string Progress()
    {
        double share = loop.Elapsed / loop.Duration;
        int done = (int)(share * BarWidth);
        string phase = loop.Measured == TimeSpan.Zero ? "warming up" : loop.Elapsed >= loop.Duration ? "waiting for answers" : "measuring";
        return string.Create(CultureInfo.InvariantCulture,
            $"{new string('━', done)}{new string('─', BarWidth - done)} {loop.Elapsed.TotalSeconds:F0} of {loop.Duration.TotalSeconds:F0} s, {phase}; {LoadText.Count(loop.UnderWay)} under way");
    }

    /// <summary>The p99 of the slot before the one that is filling.</summary>
    private string Recent(LoadRecord record)
    {
        int at = (int)(loop.Measured / record.Timeline.SlotLength) - 1;
        return at < 0 ? "-" : LoadText.Of(record.Timeline.Slots[Math.Min(at, record.Timeline.Slots.Count - 1)].Latency.Percentile(99));
    }

    private static async Task<bool> EndsWithinAsync(Task work, TimeSpan time) =>
        await Task.WhenAny(work, Task.Delay(time)).ConfigureAwait(false) == work;
}
