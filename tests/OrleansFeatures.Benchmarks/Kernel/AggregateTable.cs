using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Summaries;

namespace OrleansFeatures.Benchmarks.Kernel;

/// <summary>Every aggregate alone in a view, over a window of a day that holds about a thousand events: a table for docs/windows.md.</summary>
internal static class AggregateTable
{
    /// <summary>A thousand events of each key in a day.</summary>
    private static readonly KernelWorkload Workload = new("aggregates", 100, 100_000, 0, WholeMilliseconds: true);

    private static readonly KernelEffort Effort = new(220_000, 20_000, 10, 100, 20, 200, 20);

    private static readonly string[] Aggregates =
    [
        "count", "sum(amount)", "mean(amount)", "min(amount)", "max(amount)", "any(approved)", "all(approved)", "rate(amount)",
        "var_pop(amount)", "var_samp(amount)", "stddev_pop(amount)", "stddev_samp(amount)", "skew(amount)", "kurtosis(amount)",
        "first(amount)", "last(amount)", "first_n(amount, 5)", "last_n(amount, 5)", "delta(amount)", "time_since_last(amount)",
        "slope(amount)", "ewma(amount, 1h)", "drawdown(amount)", "histogram(amount, 10, 100, 500)",
        "distinct_count(amount)", "percentile(amount, 0.95)", "percentile_disc(amount, 0.95)", "median(amount)", "mode(amount)", "top_k(amount, 5)", "entropy(amount)",
        "max_by(amount, amount)", "max_n_by(amount, amount, 5)",
    ];

    public static void Print()
    {
        Console.WriteLine("One aggregate at a time; 100 keys, each with about 1,000 events in the window of a day and as many kept behind it; one event in ten out of order, one in a hundred a duplicate.");
        Console.WriteLine("A summary's bytes are those of one hop of 1,000 events with as many different values, the most that a hop takes; one of ten events is a few hundred bytes.");
        Console.WriteLine();
        Console.WriteLine("| aggregate | from events | from summaries | update ns | read ns, 1,000 events | bytes an event | bytes a summary |");
        Console.WriteLine("|---|---|---|---:|---:|---:|---:|");
        foreach (string aggregate in Aggregates)
        {
            // The first pass makes the code warm; the second counts.
            Measure(aggregate);
        }

        foreach (string aggregate in Aggregates)
        {
            Console.WriteLine(Measure(aggregate));
        }
    }

    private static string Measure(string aggregate)
    {
        Catalog catalog = KernelDefinitions.Of((aggregate, Duration.Days(1)));
        var engine = new EngineSubject(catalog, 1, KernelSuite.BlockEvents);
        var suite = new KernelSuite(Workload, Effort);
        suite.MeasureUpdates(engine);
        suite.MeasureReads(engine);
        double bytes = (double)engine.Store.Slabs().Rows / engine.Store.Census().Events;
        TimelinePlan timeline = catalog.Entity(KernelDefinitions.Entity)!.Timelines[0];
        string summed = Summary.IsExact(timeline.Features[0]) ? "exact" : "sketch";
        return $"| `{aggregate}` | exact | {summed} | {suite.Updates.Median:N0} | {suite.RandomReadsOf.Median:N0} | {bytes:N1} | {SummaryBytes(timeline):N0} |";
    }

    private static long SummaryBytes(TimelinePlan timeline)
    {
        const int events = 1_000;
        var summary = new Summary(SummaryPlan.For(timeline));
        var columns = new Value[timeline.Columns.Length];
        for (int index = 0; index < events; index++)
        {
            for (int column = 0; column < columns.Length; column++)
            {
                columns[column] = timeline.Columns[column].Type == FieldType.Bool ? Value.Of(index % 2 == 0) : Value.Of(index + 0.25);
            }

            summary.Add(new SummaryRow(index * 1_000_000L, EventId.Of(index), 0, columns));
        }

        return summary.Bytes;
    }
}
