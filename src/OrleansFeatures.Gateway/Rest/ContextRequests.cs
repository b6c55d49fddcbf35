using System.Text.Json;
using OrleansFeatures.Gateway.Serve;
using OrleansFeatures.V1;
using Selection = OrleansFeatures.Domain.Definitions.Selection;

namespace OrleansFeatures.Gateway.Rest;

/// <summary>
/// The fields of the request in JSON: <c>"context": {"amount": 12.5}</c> for all rows, or an array with one such object per row. Values become text, which whoever
/// reads the message takes for the fields' types.
/// </summary>
internal static class ContextRequests
{
    /// <exception cref="RequestRefusedException">It is neither an object nor an array of objects with the same fields, or a field is unknown; the message names the place.</exception>
    public static void Add(IList<ContextColumn> columns, JsonElement context, Selection selection)
    {
        JsonElement[] rows = context.ValueKind == JsonValueKind.Array ? [.. context.EnumerateArray()] : [context];
        for (int row = 0; row < rows.Length; row++)
        {
            AddRow(columns, rows[row], row, rows.Length, context.ValueKind == JsonValueKind.Array ? $"context[{row}]" : "context", selection);
        }
    }

    private static void AddRow(IList<ContextColumn> columns, JsonElement fields, int row, int rows, string place, Selection selection)
    {
        if (fields.ValueKind != JsonValueKind.Object)
        {
            throw Refuse.Argument(place, "it is not an object", "send the fields as an object, or an array with one object per row");
        }

        foreach (JsonProperty field in fields.EnumerateObject())
        {
            RequestContext.RequireKnown(selection, field.Name, $"{place}.{field.Name}");
            ContextColumn column = columns.FirstOrDefault(known => known.Field == field.Name) ?? Begun(columns, field.Name, row, place);
            AddValue(column.Values, field.Value, row, rows, $"{place}.{field.Name}");
        }

        if (columns.FirstOrDefault(column => column.Values.Strings.Count != row + 1) is { } missing)
        {
            throw Refuse.Argument($"{place}.{missing.Field}", "the field is missing", "give it in every row; null where there is no value");
        }
    }

    private static ContextColumn Begun(IList<ContextColumn> columns, string field, int row, string place)
    {
        if (row > 0)
        {
            throw Refuse.Argument($"{place}.{field}", "the rows before do not have the field", "give it in every row; null where there is no value");
        }

        var column = new ContextColumn { Field = field, Values = new Column() };
        columns.Add(column);
        return column;
    }

    /// <summary>As text, which is read as the field's type later; nulls are bits beside it.</summary>
    private static void AddValue(Column column, JsonElement value, int row, int rows, string place)
    {
        column.Strings.Add(value.ValueKind switch
        {
            JsonValueKind.String => value.GetString()!,
            JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False => value.GetRawText(),
            JsonValueKind.Null => "",
            _ => throw Refuse.Argument(place, "it is an object or an array", "send one value"),
        });
        if (value.ValueKind == JsonValueKind.Null)
        {
            byte[] nulls = column.Nulls.IsEmpty ? new byte[(rows + 7) / 8] : column.Nulls.ToByteArray();
            nulls[row >> 3] |= (byte)(1 << (row & 7));
            column.Nulls = Google.Protobuf.ByteString.CopyFrom(nulls);
        }
    }
}
