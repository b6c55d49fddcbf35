using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Gateway.Ingest;
using OrleansFeatures.V1;
using FieldType = OrleansFeatures.Domain.Events.FieldType;
using Selection = OrleansFeatures.Domain.Definitions.Selection;
using Value = OrleansFeatures.Domain.Events.Value;

namespace OrleansFeatures.Gateway.Serve;

/// <summary>
/// The context columns of a request, matched with the request fields of a selection. Every field must be there and no other, with one value for all rows or one for each. As in
/// rows of events, a value is taken wherever its meaning is plain: an int64 for a double that holds it exactly, 0 or 1 for a bool, text that reads wholly as the declared type.
/// </summary>
internal sealed class RequestContext
{
    private static readonly RequestContext Nothing = new([]);

    private readonly (FieldDefinition Field, Column Values, int Count)[] _columns;

    private RequestContext((FieldDefinition Field, Column Values, int Count)[] columns)
    {
        _columns = columns;
        foreach ((FieldDefinition field, _, int count) in columns.Where(column => column.Count > 1))
        {
            Rows ??= count;
            if (Rows != count)
            {
                throw Refuse.Argument(PlaceOf(field.Name), $"{count} values where another field has {Rows}", "give each field one value for all rows, or one per row");
            }
        }
    }

    /// <summary>Rows that the columns give; null where each has one value for all rows.</summary>
    public int? Rows { get; }

    /// <exception cref="RequestRefusedException">A field is missing, unknown, or twice; a column is empty, or of another length than the others.</exception>
    public static RequestContext Of(Selection selection, IList<ContextColumn> columns)
    {
        if (columns.Count == 0 && selection.RequestFields.IsEmpty)
        {
            return Nothing;
        }

        foreach (ContextColumn column in columns)
        {
            RequireKnown(selection, column.Field, PlaceOf(column.Field));
            if (columns.Count(other => other.Field == column.Field) > 1)
            {
                throw Refuse.Argument(PlaceOf(column.Field), "the field is given twice", "give each field once");
            }
        }

        return new RequestContext([.. selection.RequestFields.Select(field => (field, Values: ValuesOf(selection, field, columns))).Select(pair => (pair.field, pair.Values, CountOf(pair.field, pair.Values)))]);
    }

    /// <summary>Writes the values of so many rows into <paramref name="context"/>, row-major by request field of the selection.</summary>
    /// <exception cref="RequestRefusedException">There is not one value for each row, or one is not of its field's type; the message names row and field.</exception>
    public void Fill(Span<Value> context, int rows, int firstRow)
    {
        for (int index = 0; index < _columns.Length; index++)
        {
            (FieldDefinition field, Column values, int count) = _columns[index];
            if (count != 1 && count != rows)
            {
                throw Refuse.Argument(PlaceOf(field.Name), $"{count} values for {rows} rows", "give one value for all rows, or one per row");
            }

            for (int row = 0; row < rows; row++)
            {
                context[(row * _columns.Length) + index] = ValueOf(field, values, count == 1 ? 0 : row, firstRow + row);
            }
        }
    }

    /// <exception cref="RequestRefusedException">The selection takes no such field of the request.</exception>
    public static void RequireKnown(Selection selection, string field, string place)
    {
        if (selection.RequestFields.All(known => known.Name != field))
        {
            string fix = selection.RequestFields.IsEmpty ? "leave it out: nothing of this selection is computed with the request" : NameSuggestion.DidYouMean(field, selection.RequestFields.Select(known => known.Name));
            throw Refuse.Argument(place, $"{selection.Name} takes no field '{field}' of the request", fix);
        }
    }

    private static Column ValuesOf(Selection selection, FieldDefinition field, IList<ContextColumn> columns) =>
        columns.FirstOrDefault(column => column.Field == field.Name) is { } given
            ? given.Values ?? new Column()
            : throw Refuse.Argument(
                PlaceOf(field.Name),
                $"{selection.Name} needs the field '{field.Name}' of the request",
                $"give {string.Join(", ", selection.RequestFields.Select(needed => $"{needed.Name} ({needed.Type.Name()})"))}; null where there is no value");

    private static int CountOf(FieldDefinition field, Column values)
    {
        int[] lists = [.. new[] { values.Int64S.Count, values.Doubles.Count, values.Strings.Count, values.Bools.Count, values.TimestampsMicros.Count }.Where(count => count > 0)];
        if (lists.Length != 1)
        {
            throw Refuse.Argument(PlaceOf(field.Name), lists.Length == 0 ? "there is no value" : $"{lists.Length} lists are filled", "fill exactly one list, with one value for all rows or one per row");
        }

        return values.Nulls.IsEmpty || values.Nulls.Length >= (lists[0] + 7) / 8
            ? lists[0]
            : throw Refuse.Argument($"{PlaceOf(field.Name)}.nulls", $"{values.Nulls.Length} bytes for {lists[0]} values", "give one bit per value, least significant first, or leave it empty");
    }

    private static Value ValueOf(FieldDefinition field, Column values, int index, int row)
    {
        if (!values.Nulls.IsEmpty && (values.Nulls[index >> 3] & (1 << (index & 7))) != 0)
        {
            return Value.Null;
        }

        Value given = values.Int64S.Count > 0 ? Value.Of(values.Int64S[index])
            : values.Doubles.Count > 0 ? Value.Of(values.Doubles[index])
            : values.Bools.Count > 0 ? Value.Of(values.Bools[index])
            : values.TimestampsMicros.Count > 0 ? Value.Of(new EventTime(values.TimestampsMicros[index]))
            : Value.Of(values.Strings[index]);
        if (!TryTake(given, field.Type, out Value taken))
        {
            EventRefusal refusal = Mismatch.Types(field, given.Type, given.ToString());
            throw Refuse.Argument(PlaceOf(field.Name), $"row {row}: {refusal.Reason}", refusal.Fix);
        }

        return IsPossible(taken)
            ? taken
            : throw Refuse.Argument(PlaceOf(field.Name), $"row {row}: the value is not possible", $"send a finite number, a time of the years 1 to 9999, a text of at most {Domain.Limits.FieldBytesMax} bytes, or null");
    }

    private static bool TryTake(in Value given, FieldType declared, out Value taken)
    {
        taken = given;
        switch (given.Type)
        {
            case FieldType.Int64 when declared == FieldType.Double && Mismatch.IsExactDouble(given.Int64):
                taken = Value.Of((double)given.Int64);
                return true;
            case FieldType.Int64 when declared == FieldType.Bool && given.Int64 is 0 or 1:
                taken = Value.Of(given.Int64 == 1);
                return true;
            case FieldType.String:
                return TextCell.TryParse(given.Text, declared, out taken);
            default:
                return given.Type == declared;
        }
    }

    /// <summary>What an event's field could hold as well.</summary>
    private static bool IsPossible(in Value value) => value.Type switch
    {
        FieldType.Double => double.IsFinite(value.Double),
        FieldType.Timestamp => value.Bits is >= Domain.Limits.TimestampMinMicros and <= Domain.Limits.TimestampMaxMicros,
        FieldType.String => System.Text.Encoding.UTF8.GetByteCount(value.Text) <= Domain.Limits.FieldBytesMax,
        _ => true,
    };

    private static string PlaceOf(string field) => $"context.{field}";
}
