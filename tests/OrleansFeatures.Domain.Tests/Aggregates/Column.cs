using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Domain.Tests.Windows;
using OrleansFeatures.Domain.Windows;

namespace OrleansFeatures.Domain.Tests.Aggregates;

/// <summary>One window's rows as gathering leaves them, and aggregates of them.</summary>
internal sealed class Column
{
    public const long Second = 1_000_000;

    private readonly TextDictionary _texts = new();
    private readonly WindowScratch _scratch = new();
    private readonly FieldType _categoryType;
    private readonly FieldType _type;

    public Column(FieldType type, IEnumerable<NaiveRow> rows, WindowSpan? span = null)
    {
        Rows = [.. rows];
        _type = type;
        _categoryType = Rows.Select(row => row.Category.Type).FirstOrDefault(category => category != FieldType.Null);
        long last = Rows.Count == 0 ? 0 : Rows[^1].Time;
        Span = span ?? new WindowSpan(last, WindowSpan.NoStart, last);
    }

    public List<NaiveRow> Rows { get; }

    public WindowSpan Span { get; }

    /// <summary>Numbers one second apart, from second zero.</summary>
    public static Column Of(params double[] values) => new(FieldType.Double, values.Select((value, index) => new NaiveRow(index * Second, Value.Of(value))));

    public static Column Of(params long[] values) => new(FieldType.Int64, values.Select((value, index) => new NaiveRow(index * Second, Value.Of(value))));

    public static Column Of(params bool[] values) => new(FieldType.Bool, values.Select((value, index) => new NaiveRow(index * Second, Value.Of(value))));

    public static Column Of(params string[] values) => new(FieldType.String, values.Select((value, index) => new NaiveRow(index * Second, Value.Of(value))));

    public static AggregateCall Call(string text) => AggregateCall.Parse(text, out string message, out _) ?? throw new ArgumentException(message, nameof(text));

    public FeatureValue Compute(string text) => Compute(Call(text));

    public FeatureValue Compute(AggregateCall call)
    {
        (FieldType type, long[] bits, long[] times, _) = Gather(call, _ => true);
        return new ColumnValues(type, bits, call.NeedsTimes || call.IsRanked ? times : default, Span, _texts, _scratch, RankType(call)).Compute(call);
    }

    public FeatureValue ComputeBy(string text)
    {
        AggregateCall call = Call(text);
        (FieldType type, long[] bits, long[] times, long[] categories) = Gather(call, row => !row.Category.IsNull);
        return CategoryMap.Compute(call, type, bits, call.NeedsTimes || call.IsRanked ? times : default, _categoryType, categories, Span, _texts, _scratch, RankType(call));
    }

    private (FieldType Type, long[] Bits, long[] Times, long[] Categories) Gather(AggregateCall call, Func<NaiveRow, bool> where)
    {
        var rows = Rows.Where(row => where(row) && (call.Field is null || !row.Value.IsNull) && (call.OrderBy is null || !RankOf(call, row).IsNull)).ToList();
        long Beside(NaiveRow row) => call.OrderBy is null ? row.Time : Code(RankOf(call, row));
        return call.Field is null
            ? (FieldType.Timestamp, [.. rows.Select(row => row.Time)], [.. rows.Select(row => row.Time)], [.. rows.Select(row => Code(row.Category))])
            : (_type, [.. rows.Select(row => Code(row.Value))], [.. rows.Select(Beside)], [.. rows.Select(row => Code(row.Category))]);
    }

    private FieldType RankType(AggregateCall call) => call.OrderBy == call.Field ? _type : _categoryType;

    private static Value RankOf(AggregateCall call, NaiveRow row) => call.OrderBy == call.Field ? row.Value : row.Category;

    private long Code(Value value) => value.Type == FieldType.String ? _texts.CodeOf(value.Text) : value.Bits;
}
