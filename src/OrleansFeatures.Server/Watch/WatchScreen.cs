using System.Globalization;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Server.Output;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace OrleansFeatures.Server.Watch;

/// <summary>
/// Draws what is watched. Few rows stand side by side, a feature in each line; many stand one below the other, the newest at the top, with as many features as the terminal is wide. What changed last is bright.
/// <code>
///   feature        customer 596   customer 12        as of      customer  nb_tx_1d  avg_1d
///   nb_tx_1d                 3             1         12:00:03        596         3   41.20
///   avg_1d               41.20          9.95         12:00:01         12         1    9.95
/// </code>
/// </summary>
internal static class WatchScreen
{
    /// <summary>Rows that are compared side by side: four columns of 16 characters and one of names fit 80.</summary>
    public const int SideBySideMax = 4;

    /// <summary>Lines around the rows: title, borders, headings, caption.</summary>
    private const int FrameLines = 8;

    /// <summary>A cell's border and padding.</summary>
    private const int CellFrame = 3;

    private static readonly Style Changed = new(Color.Green, decoration: Decoration.Bold);
    private static readonly Style Faint = new(decoration: Decoration.Dim);

    /// <summary>How many rows a terminal of so many lines has room for.</summary>
    public static int RoomIn(int lines) => Math.Clamp(lines - FrameLines, 3, 50);

    public static IRenderable Draw(WatchSnapshot now, string what, bool sideBySide, double rowsPerSecond, int width)
    {
        if (now.Rows.Count == 0)
        {
            return new Rows(new Text(what), new Text(now.Trouble ?? $"nothing yet; place {now.Through}; Ctrl-C ends", Faint));
        }

        Table table = sideBySide ? SideBySide(now) : OneBelowTheOther(now, width);
        table.Border = TableBorder.Rounded;
        table.Title = new TableTitle(Markup.Escape(what));
        string place = string.Create(CultureInfo.InvariantCulture, $"{now.Sent:N0} rows, {rowsPerSecond:N0}/s; place {now.Through}; Ctrl-C ends");
        return new Rows(table, new Text(now.Trouble ?? place, now.Trouble is null ? Faint : new Style(Color.Yellow)));
    }

    /// <summary>One row as a line of text.</summary>
    public static string Line(WatchedRow row, IReadOnlyList<string> keyFields, IReadOnlyList<string> columns) =>
        $"{row.AsOf}  {string.Join("  ", keyFields.Select((field, index) => $"{field}={row.Keys[index]}"))}  {string.Join("  ", columns.Select((column, index) => $"{column} {row.Cells[index].Text}"))}";

    private static Table SideBySide(WatchSnapshot now)
    {
        var table = new Table();
        table.AddColumn(new TableColumn("feature").NoWrap());

        // In the order of their keys, so that they stand still.
        WatchedRow[] rows = [.. now.Rows.OrderBy(row => row.Name, StringComparer.Ordinal)];
        foreach (WatchedRow row in rows)
        {
            table.AddColumn(new TableColumn(new Text(string.Join('\n', now.KeyFields.Select((field, index) => $"{field} {row.Keys[index]}").Append(TimeOf(row.AsOf))))).RightAligned().NoWrap());
        }

        for (int column = 0; column < now.Columns.Count; column++)
        {
            table.AddRow([new Text(now.Columns[column]), .. rows.Select(row => CellOf(row.Cells[column]))]);
        }

        return table;
    }

    private static Table OneBelowTheOther(WatchSnapshot now, int width)
    {
        var table = new Table();
        table.AddColumn(new TableColumn("as of").NoWrap());
        int left = width - 1 - WidthOf("as of", now.Rows.Select(row => TimeOf(row.AsOf)));
        for (int key = 0; key < now.KeyFields.Count; key++)
        {
            table.AddColumn(new TableColumn(Markup.Escape(now.KeyFields[key])).RightAligned().NoWrap());
            left -= WidthOf(now.KeyFields[key], now.Rows.Select(row => row.Keys[key]));
        }

        var shown = new List<int>();
        for (int column = 0; column < now.Columns.Count && now.Rows.Count > 0; column++)
        {
            int wanted = WidthOf(now.Columns[column], now.Rows.Select(row => row.Cells[column].Text));
            if (wanted <= left)
            {
                shown.Add(column);
                left -= wanted;
                table.AddColumn(new TableColumn(Markup.Escape(now.Columns[column])).RightAligned().NoWrap());
            }
        }

        foreach (WatchedRow row in now.Rows)
        {
            table.AddRow([new Text(TimeOf(row.AsOf)), .. row.Keys.Select(key => new Text(key)), .. shown.Select(column => CellOf(row.Cells[column]))]);
        }

        int hidden = now.Rows.Count == 0 ? 0 : now.Columns.Count - shown.Count;
        table.Caption = hidden > 0 ? new TableTitle($"{hidden} more features; --feature chooses") : null;
        return table;
    }

    private static Text CellOf(WatchedCell cell) => new(cell.Text, cell.IsChanged ? Changed : cell.HasValue ? null : Faint);

    private static int WidthOf(string heading, IEnumerable<string> texts) => CellFrame + texts.Append(heading).Max(text => text.Length);

    private static string TimeOf(EventTime time) => time.Micros == 0 ? "never" : time.ToString();
}
