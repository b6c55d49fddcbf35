using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.V1;
using FieldType = OrleansFeatures.V1.FieldType;
using Value = OrleansFeatures.V1.Value;

namespace OrleansFeatures.Server.Output;

/// <summary>
/// Finds the cells of an answer. Values lie row by row in one lane per kind (see <c>FeatureRows</c> in vectors.proto):
/// <code>
///   columns   a:int64  b:double  c:int64       lane int64 (width 2)  a0 c0 a1 c1
///                                              lane double (width 1) b0 b1
/// </code>
/// </summary>
internal sealed class FeatureCells
{
    /// <summary>Quotes and accents as themselves: the text goes to people and csv files, never into a web page.</summary>
    private static readonly JsonSerializerOptions PlainText = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly FeatureColumn[] _columns;
    private readonly int[] _laneWidths = new int[Enum.GetValues<Lane>().Length];

    public FeatureCells(IEnumerable<FeatureColumn> columns)
    {
        _columns = columns.ToArray();
        foreach (FeatureColumn column in _columns)
        {
            _laneWidths[(int)column.Lane]++;
        }

        Names = ShortNames();
    }

    public IReadOnlyList<FeatureColumn> Columns => _columns;

    /// <summary>
    /// What files call the columns: the features alone where no two share a name, else "view:feature" for all of them, so that a file is
    /// written in one manner.
    /// </summary>
    public IReadOnlyList<string> Names { get; }

    public FeatureStatus Status(FeatureRows rows, int row, int column) =>
        rows.Statuses.IsEmpty ? FeatureStatus.Present : (FeatureStatus)rows.Statuses[(row * _columns.Length) + column];

    public bool HasValue(FeatureRows rows, int row, int column) =>
        Status(rows, row, column) is FeatureStatus.Present or FeatureStatus.Approximate;

    public long Int64(FeatureRows rows, int row, int column) => rows.Int64S[At(row, column)];

    public double Double(FeatureRows rows, int row, int column) => rows.Doubles[At(row, column)];

    public string String(FeatureRows rows, int row, int column) => rows.Strings[At(row, column)];

    public ListValue List(FeatureRows rows, int row, int column) => rows.Lists[At(row, column)];

    public MapValue Map(FeatureRows rows, int row, int column) => rows.Maps[At(row, column)];

    /// <summary>The cell as JSON; null when it has no value. A map is an object whose names are its keys as text.</summary>
    public JsonNode? Json(FeatureRows rows, int row, int column)
    {
        if (!HasValue(rows, row, column))
        {
            return null;
        }

        return _columns[column].Lane switch
        {
            Lane.Int64 => Json(_columns[column].Type, Int64(rows, row, column)),
            Lane.Double => Json(Double(rows, row, column)),
            Lane.String => String(rows, row, column),
            Lane.Map => Json(Map(rows, row, column)),
            _ => new JsonArray(List(rows, row, column).Values.Select(Json).ToArray()),
        };
    }

    /// <summary>The cell as text for people; empty when it has no value.</summary>
    public string Text(FeatureRows rows, int row, int column) => Text(Json(rows, row, column));

    /// <summary>A value by itself as JSON; null where there is none.</summary>
    public static JsonNode? Json(FeatureCell cell) => cell switch
    {
        { Scalar: { } scalar } => Json(scalar),
        { List: { } list } => new JsonArray(list.Values.Select(Json).ToArray()),
        { Map: { } map } => Json(map),
        _ => null,
    };

    /// <summary>JSON as text for people.</summary>
    public static string Text(JsonNode? json) => json switch
    {
        null => "",
        JsonValue value when value.TryGetValue(out string? text) => text,
        { } node => node.ToJsonString(PlainText),
    };

    private int At(int row, int column) => (row * _laneWidths[(int)_columns[column].Lane]) + (int)_columns[column].LaneIndex;

    private string[] ShortNames()
    {
        string[] features = _columns.Select(column => column.Name[(column.Name.IndexOf(':') + 1)..]).ToArray();
        return features.Distinct().Count() == features.Length ? features : [.. _columns.Select(column => column.Name)];
    }

    private static JsonObject Json(MapValue map)
    {
        var json = new JsonObject();
        for (int at = 0; at < map.Keys.Count; at++)
        {
            json[KeyText(map.Keys[at])] = Json(map.Values[at]);
        }

        return json;
    }

    private static string KeyText(Value key) => Json(key) switch
    {
        null => "null",
        JsonValue value when value.TryGetValue(out string? text) => text,
        { } node => node.ToJsonString(PlainText),
    };

    private static JsonNode? Json(Value value) => value.KindCase switch
    {
        Value.KindOneofCase.Int64 => value.Int64,
        Value.KindOneofCase.Double => Json(value.Double),
        Value.KindOneofCase.String => value.String,
        Value.KindOneofCase.Bool => value.Bool,
        Value.KindOneofCase.TimestampMicros => new EventTime(value.TimestampMicros).ToString(),
        _ => null,
    };

    private static JsonNode Json(FieldType type, long bits) => type switch
    {
        FieldType.Bool => bits != 0,
        FieldType.Timestamp => new EventTime(bits).ToString(),
        _ => bits,
    };

    /// <summary>JSON has no NaN or infinity; they are written as text rather than lost.</summary>
    private static JsonNode Json(double number) =>
        double.IsFinite(number) ? number : number.ToString(CultureInfo.InvariantCulture);
}
