using System.Diagnostics;
using Spectre.Console;

namespace OrleansFeatures.Server.Output;

/// <summary>How far a long command is: a description, and the share done (0 to 1), or null when nobody knows.</summary>
internal readonly record struct ProgressSample(string Description, double? Share);

/// <summary>
/// Shows the progress of a task until it ends: a bar on a terminal, else a plain line on standard error every few seconds. The work
/// does not report; it is sampled, so showing costs it nothing.
/// </summary>
internal static class ProgressDisplay
{
    private static readonly TimeSpan Redraw = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan PlainLine = TimeSpan.FromSeconds(5);

    public static Task FollowAsync(Terminal terminal, Task work, Func<ProgressSample> sample) =>
        terminal.IsWatched ? DrawAsync(terminal.Status, work, sample) : PrintAsync(work, sample);

    private static async Task DrawAsync(IAnsiConsole console, Task work, Func<ProgressSample> sample)
    {
        ProgressColumn[] columns = [new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(), new ElapsedTimeColumn()];
        await console.Progress().AutoClear(true).Columns(columns).StartAsync(async context =>
        {
            ProgressTask bar = context.AddTask(Markup.Escape(sample().Description), maxValue: 1);
            do
            {
                ProgressSample now = sample();
                bar.Description = Markup.Escape(now.Description);
                bar.IsIndeterminate = now.Share is null;
                bar.Value = now.Share ?? 0;
            }
            while (!await EndsWithinAsync(work, Redraw).ConfigureAwait(false));
        }).ConfigureAwait(false);
        await work.ConfigureAwait(false);
    }

    private static async Task PrintAsync(Task work, Func<ProgressSample> sample)
    {
        var since = Stopwatch.StartNew();
        while (!await EndsWithinAsync(work, PlainLine).ConfigureAwait(false))
        {
            ProgressSample now = sample();
            string share = now.Share is { } done ? $" ({done:P0})" : "";
            Terminal.Remark(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{since.Elapsed.TotalSeconds,5:F0} s  {now.Description}{share}"));
        }

        await work.ConfigureAwait(false);
    }

    private static async Task<bool> EndsWithinAsync(Task work, TimeSpan time) =>
        await Task.WhenAny(work, Task.Delay(time)).ConfigureAwait(false) == work;
}
