using System.Globalization;
using OrleansFeatures.Server.Output;
using OrleansFeatures.V1;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace OrleansFeatures.Server.Demo;

/// <summary>Draws the demo's figures: a live table on a terminal, one plain line a second elsewhere.</summary>
internal static class DemoScreen
{
    public const int CustomersShown = 6;

    private const string TerminalFeature = "terminal_risk:risk_7d";

    /// <summary>The features on the screen, with headings that keep the table within 80 columns; the last is the terminal's.</summary>
    private static readonly (string Feature, string Heading)[] Shown =
    [
        ("customer_spend:nb_tx_1d", "tx 1d"), ("customer_spend:avg_amount_1d", "avg 1d"),
        ("customer_spend:nb_tx_7d", "tx 7d"), ("customer_spend:avg_amount_7d", "avg 7d"),
        ("customer_spend:avg_amount_30d", "avg 30d"), (TerminalFeature, "risk 7d"),
    ];

    /// <summary>A feature as the table shows it: means with two decimals.</summary>
    public static string Text(FeatureCells cells, FeatureRows rows, int row, int column) =>
        cells.Columns[column].Lane == Lane.Double && cells.HasValue(rows, row, column)
            ? cells.Double(rows, row, column).ToString("F2", CultureInfo.InvariantCulture)
            : cells.Text(rows, row, column);

    public static IRenderable Draw(DemoSnapshot now, double eventsPerSecond, TimeSpan elapsed, TimeSpan total)
    {
        var figures = new Table { Border = TableBorder.Rounded, Title = new TableTitle($"OrleansFeatures demo, {elapsed.TotalSeconds:F0} of {total.TotalSeconds:F0} s") };
        figures.AddColumns("events/s", "accepted", "duplicate", "freshness p50", "p99.9", "lookup p50", "p99");
        figures.AddRow(
            $"[bold green]{Number(eventsPerSecond)}[/]", Number(now.Accepted), Number(now.Duplicates),
            Of(now.Freshness, now.Freshness.P50), Of(now.Freshness, now.Freshness.P999), Of(now.Lookup, now.Lookup.P50), Of(now.Lookup, now.Lookup.P99));

        var customers = new Table { Border = TableBorder.Rounded, Title = new TableTitle($"features at stream time {now.StreamTime}"), Caption = new TableTitle("the terminals are compromised; their frauds become known a week later") };
        customers.AddColumn(new TableColumn("customer").RightAligned());
        foreach ((string feature, string heading) in Shown)
        {
            if (feature == TerminalFeature)
            {
                customers.AddColumn(new TableColumn("terminal").RightAligned());
            }

            customers.AddColumn(new TableColumn(heading).RightAligned());
        }

        foreach (WatchedCustomer watched in now.Customers)
        {
            string[] values = Shown.Select(shown => ValueOf(now, watched, shown.Feature)).ToArray();
            customers.AddRow([watched.Customer.ToString(CultureInfo.InvariantCulture), .. values[..^1], watched.Terminal.ToString(CultureInfo.InvariantCulture), values[^1]]);
        }

        return new Rows(figures, customers);
    }

    public static string Line(DemoSnapshot now, double eventsPerSecond, TimeSpan elapsed)
    {
        string customer = now.Customers.Count == 0
            ? ""
            : $"  customer {now.Customers[0].Customer}: {string.Join(", ", Shown.Take(4).Select(shown => $"{shown.Heading} {ValueOf(now, now.Customers[0], shown.Feature)}"))}";
        return string.Create(CultureInfo.InvariantCulture,
            $"{elapsed.TotalSeconds,4:F0} s  {Number(eventsPerSecond),9} events/s  freshness p50 {Of(now.Freshness, now.Freshness.P50)} p99.9 {Of(now.Freshness, now.Freshness.P999)}  lookup p50 {Of(now.Lookup, now.Lookup.P50)} p99 {Of(now.Lookup, now.Lookup.P99)}  stream time {now.StreamTime}{customer}");
    }

    public static string Duration(TimeSpan duration) => duration.TotalMilliseconds switch
    {
        < 1 => string.Create(CultureInfo.InvariantCulture, $"{duration.TotalMicroseconds:F0} us"),
        < 100 => string.Create(CultureInfo.InvariantCulture, $"{duration.TotalMilliseconds:F1} ms"),
        < 10_000 => string.Create(CultureInfo.InvariantCulture, $"{duration.TotalMilliseconds:F0} ms"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{duration.TotalSeconds:F1} s"),
    };

    public static string Number(double number) => number.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>One of the percentiles; a dash while nothing has been recorded.</summary>
    private static string Of(Percentiles all, TimeSpan one) => all.Count == 0 ? "-" : Duration(one);

    private static string ValueOf(DemoSnapshot now, WatchedCustomer watched, string feature)
    {
        for (int at = 0; at < now.FeatureNames.Count; at++)
        {
            if (now.FeatureNames[at] == feature)
            {
                return watched.Values[at];
            }
        }

        return "";
    }
}
