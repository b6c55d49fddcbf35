using System.Globalization;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Server.Output;
using OrleansFeatures.V1;

namespace OrleansFeatures.Server.Watch;

/// <summary>One cell as people read it.</summary>
/// <param name="Text">The value, or a word for why there is none.</param>
/// <param name="HasValue">Whether it is a value.</param>
/// <param name="IsChanged">Whether it is another than when the row was last sent.</param>
internal readonly record struct WatchedCell(string Text, bool HasValue, bool IsChanged);

/// <summary>A row as it was sent last: its keys, when its newest event happened, and its cells by column.</summary>
internal sealed record WatchedRow(IReadOnlyList<string> Keys, EventTime AsOf, WatchedCell[] Cells)
{
    /// <summary>What tells it from other rows.</summary>
    public string Name => string.Join('\n', Keys);

    public static WatchedRow Of(FeatureCells cells, SubscribeResponse message, int row, WatchedRow? before)
    {
        var texts = new WatchedCell[cells.Columns.Count];
        for (int column = 0; column < texts.Length; column++)
        {
            string text = TextOf(cells, message.Rows, row, column);
            texts[column] = new WatchedCell(text, cells.HasValue(message.Rows, row, column), before is not null && before.Cells[column].Text != text);
        }

        return new WatchedRow(KeysOf(message, row), new EventTime(message.AsOfMicros[row]), texts);
    }

    public static string[] KeysOf(SubscribeResponse message, int row) => [.. message.Keys.Select(key => KeyText(key, row))];

    private static string KeyText(KeyColumn key, int row) => key.Int64S.Count > 0 ? key.Int64S[row].ToString(CultureInfo.InvariantCulture) : key.Strings[row];

    private static string TextOf(FeatureCells cells, FeatureRows rows, int row, int column) => cells.Status(rows, row, column) switch
    {
        FeatureStatus.Present => ValueOf(cells, rows, row, column),
        FeatureStatus.Approximate => "~" + ValueOf(cells, rows, row, column),
        FeatureStatus.NullValue or FeatureStatus.NotFound => "-",
        FeatureStatus.OutsideMaxAge => "too old",
        FeatureStatus.OutsideRetention => "forgotten",
        _ => "invalid",
    };

    /// <summary>Two decimals are enough to watch a mean by, and let columns stand still.</summary>
    private static string ValueOf(FeatureCells cells, FeatureRows rows, int row, int column)
    {
        if (cells.Columns[column].Lane != Lane.Double)
        {
            return cells.Text(rows, row, column);
        }

        double number = cells.Double(rows, row, column);
        return number.ToString(number == 0 || Math.Abs(number) >= 0.01 ? "F2" : "G3", CultureInfo.InvariantCulture);
    }
}
