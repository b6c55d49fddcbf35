using System.Text.Json;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.V1;
using FieldType = OrleansFeatures.Domain.Events.FieldType;
using Value = OrleansFeatures.Domain.Events.Value;

namespace OrleansFeatures.Gateway.Ingest;

/// <summary>
/// One column of a columnar push, matched with its field once, so that reading a cell is one switch and no allocation. Columns are for rate:
/// their types must be the schema's, except that int64 is taken for a double (where exact) and, as 0 or 1, for a bool.
/// </summary>
internal readonly struct BoundColumn
{
    private readonly Column _column;
    private readonly ReadOnlyMemory<byte> _nulls;
    private readonly Reading _reading;

    /// <exception cref="RequestRefusedException">Not exactly one list of <paramref name="count"/> entries, or too few null bits.</exception>
    public BoundColumn(Column column, FieldDefinition field, int position, int index, int count)
    {
        _column = column;
        Field = field;
        Position = position;
        _nulls = column.Nulls.Memory;
        Came = RequireOneList(column, index, count);
        if (!_nulls.IsEmpty && _nulls.Length < (count + 7) / 8)
        {
            throw Refuse.Argument($"columns[{index}].nulls", $"{_nulls.Length} bytes for {count} events of field '{field.Name}'", "give one bit per event, least significant first, or leave it empty");
        }

        _reading = ReadingOf(Came, field.Type);
    }

    /// <summary>How a cell becomes a value of the declared type.</summary>
    private enum Reading
    {
        Int64,
        Double,
        Text,
        Bool,
        Time,
        WholeAsDouble,
        WholeAsBool,
        Never,
    }

    public FieldDefinition Field { get; }

    /// <summary>Where the field stands in the schema version.</summary>
    public int Position { get; }

    private FieldType Came { get; }

    public EventRefusal? Read(int index, out Value value)
    {
        value = default;
        if (IsNull(index))
        {
            return null;
        }

        switch (_reading)
        {
            case Reading.Int64:
                value = Value.Of(_column.Int64S[index]);
                return null;
            case Reading.Double:
                value = Value.Of(_column.Doubles[index]);
                return null;
            case Reading.Text:
                value = Value.Of(_column.Strings[index]);
                return null;
            case Reading.Bool:
                value = Value.Of(_column.Bools[index]);
                return null;
            case Reading.Time:
                value = Value.Of(new EventTime(_column.TimestampsMicros[index]));
                return null;
            case Reading.WholeAsDouble when Mismatch.IsExactDouble(_column.Int64S[index]):
                value = Value.Of((double)_column.Int64S[index]);
                return null;
            case Reading.WholeAsDouble:
                return Mismatch.Inexact(Field, _column.Int64S[index]);
            case Reading.WholeAsBool when _column.Int64S[index] is 0 or 1:
                value = Value.Of(_column.Int64S[index] == 1);
                return null;
            default:
                return Mismatch.Types(Field, Came, Shown(index));
        }
    }

    public void WriteJson(int index, Utf8JsonWriter writer)
    {
        writer.WritePropertyName(Field.Name);
        if (IsNull(index))
        {
            writer.WriteNullValue();
            return;
        }

        switch (Came)
        {
            case FieldType.Int64:
                writer.WriteNumberValue(_column.Int64S[index]);
                break;
            case FieldType.Double:
                QuarantineJson.WriteNumber(writer, _column.Doubles[index]);
                break;
            case FieldType.Bool:
                writer.WriteBooleanValue(_column.Bools[index]);
                break;
            case FieldType.Timestamp:
                QuarantineJson.WriteTime(writer, _column.TimestampsMicros[index]);
                break;
            default:
                QuarantineJson.WriteText(writer, _column.Strings[index]);
                break;
        }
    }

    private bool IsNull(int index) => !_nulls.IsEmpty && (_nulls.Span[index >> 3] & (1 << (index & 7))) != 0;

    private static FieldType RequireOneList(Column column, int index, int count)
    {
        var lists = new (FieldType Type, int Count)[]
        {
            (FieldType.Int64, column.Int64S.Count), (FieldType.Double, column.Doubles.Count), (FieldType.String, column.Strings.Count),
            (FieldType.Bool, column.Bools.Count), (FieldType.Timestamp, column.TimestampsMicros.Count),
        };
        int filled = lists.Count(list => list.Count > 0);
        if (filled > 1)
        {
            throw Refuse.Argument($"columns[{index}]", $"{filled} lists are filled", "fill exactly one list, that of the field's type");
        }

        (FieldType type, int entries) = lists.FirstOrDefault(list => list.Count > 0, (Type: FieldType.String, Count: 0));
        return entries == count
            ? type
            : throw Refuse.Argument($"columns[{index}]", $"{entries} entries where `count` says {count}", "give every event an entry (null entries hold any value), or leave the field out of field_names");
    }

    private static Reading ReadingOf(FieldType came, FieldType declared) => (came, declared) switch
    {
        (FieldType.Int64, FieldType.Int64) => Reading.Int64,
        (FieldType.Double, FieldType.Double) => Reading.Double,
        (FieldType.String, FieldType.String) => Reading.Text,
        (FieldType.Bool, FieldType.Bool) => Reading.Bool,
        (FieldType.Timestamp, FieldType.Timestamp) => Reading.Time,
        (FieldType.Int64, FieldType.Double) => Reading.WholeAsDouble,
        (FieldType.Int64, FieldType.Bool) => Reading.WholeAsBool,
        _ => Reading.Never,
    };

    private string Shown(int index) => Came switch
    {
        FieldType.Int64 => Value.Of(_column.Int64S[index]).ToString(),
        FieldType.Double => Value.Of(_column.Doubles[index]).ToString(),
        FieldType.Bool => Value.Of(_column.Bools[index]).ToString(),
        FieldType.Timestamp => $"timestamp {_column.TimestampsMicros[index]}",
        _ => _column.Strings[index],
    };
}
