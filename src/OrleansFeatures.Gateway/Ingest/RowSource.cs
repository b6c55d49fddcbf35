using System.Text.Json;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities.Intake;
using Wire = OrleansFeatures.V1;

namespace OrleansFeatures.Gateway.Ingest;

/// <summary>
/// Events as rows of typed values. Rows are for convenience, so a value is taken wherever its meaning is plain: an integer for a double
/// that holds it exactly, 0 or 1 for a bool, and text that reads wholly as the declared type.
/// </summary>
public sealed class RowSource(Wire.PushRequest request) : EventSource
{
    private readonly IList<Wire.EventRow> _rows = request.Rows.Rows;
    private readonly WireProvenance _provenance = new(request, request.Rows.Rows.Count);
    private StreamVersion? _version;
    private int[] _positions = [];

    public override string Stream => request.Stream;

    public override uint SchemaVersion => request.SchemaVersion;

    public override int Count => _rows.Count;

    public override void Bind(StreamVersion version)
    {
        _version = version;
        _positions = FieldNames.Positions(version, request.FieldNames);
    }

    public override EventRefusal? ReadProvenance(int index, out Provenance provenance) => _provenance.Read(index, out provenance);

    public override EventRefusal? Read(int index, bool idOnly, Span<Value> fields)
    {
        if (idOnly)
        {
            fields.Clear();
        }

        IList<Wire.Value> values = _rows[index].Values;
        if (values.Count != _positions.Length)
        {
            return new EventRefusal("", $"{values.Count} values where {_positions.Length} fields are expected", "send one value per field name (or per schema field when no names are given); leave a value's kind unset for null");
        }

        for (int at = 0; at < _positions.Length; at++)
        {
            if (idOnly && _positions[at] != _version!.IdPosition)
            {
                continue;
            }

            FieldDefinition field = _version!.Definition.Fields[_positions[at]];
            if (Convert(values[at], field, out fields[_positions[at]]) is { } refusal)
            {
                return refusal;
            }
        }

        return null;
    }

    public override void WriteJson(int index, Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        _provenance.WriteJson(index, writer);
        IList<Wire.Value> values = _rows[index].Values;
        for (int at = 0; at < values.Count; at++)
        {
            writer.WritePropertyName(at < _positions.Length ? _version!.Definition.Fields[_positions[at]].Name : $"value_{at}");
            WriteCell(values[at], writer);
        }

        writer.WriteEndObject();
    }

    private static EventRefusal? Convert(Wire.Value cell, FieldDefinition field, out Value value)
    {
        value = default;
        switch (cell.KindCase)
        {
            case Wire.Value.KindOneofCase.None:
                return null;
            case Wire.Value.KindOneofCase.Int64:
                return Whole(cell.Int64, field, out value);
            case Wire.Value.KindOneofCase.Double when field.Type == FieldType.Double:
                value = Value.Of(cell.Double);
                return null;
            case Wire.Value.KindOneofCase.Bool when field.Type == FieldType.Bool:
                value = Value.Of(cell.Bool);
                return null;
            case Wire.Value.KindOneofCase.TimestampMicros when field.Type == FieldType.Timestamp:
                value = Value.Of(new EventTime(cell.TimestampMicros));
                return null;
            case Wire.Value.KindOneofCase.String when TextCell.TryParse(cell.String, field.Type, out value):
                return null;
            default:
                return Mismatch.Types(field, TypeOf(cell), Shown(cell));
        }
    }

    private static EventRefusal? Whole(long number, FieldDefinition field, out Value value)
    {
        value = default;
        switch (field.Type)
        {
            case FieldType.Int64:
                value = Value.Of(number);
                return null;
            case FieldType.Double when Mismatch.IsExactDouble(number):
                value = Value.Of((double)number);
                return null;
            case FieldType.Double:
                return Mismatch.Inexact(field, number);
            case FieldType.Bool when number is 0 or 1:
                value = Value.Of(number == 1);
                return null;
            default:
                return Mismatch.Types(field, FieldType.Int64, Value.Of(number).ToString());
        }
    }

    private static FieldType TypeOf(Wire.Value cell) => (FieldType)(byte)cell.KindCase;

    private static string Shown(Wire.Value cell) => cell.KindCase switch
    {
        Wire.Value.KindOneofCase.Double => Value.Of(cell.Double).ToString(),
        Wire.Value.KindOneofCase.String => cell.String,
        Wire.Value.KindOneofCase.Bool => cell.Bool ? "true" : "false",
        _ => $"timestamp {cell.TimestampMicros}",
    };

    private static void WriteCell(Wire.Value cell, Utf8JsonWriter writer)
    {
        switch (cell.KindCase)
        {
            case Wire.Value.KindOneofCase.None:
                writer.WriteNullValue();
                break;
            case Wire.Value.KindOneofCase.Int64:
                writer.WriteNumberValue(cell.Int64);
                break;
            case Wire.Value.KindOneofCase.Double:
                QuarantineJson.WriteNumber(writer, cell.Double);
                break;
            case Wire.Value.KindOneofCase.Bool:
                writer.WriteBooleanValue(cell.Bool);
                break;
            case Wire.Value.KindOneofCase.String:
                QuarantineJson.WriteText(writer, cell.String);
                break;
            default:
                QuarantineJson.WriteTime(writer, cell.TimestampMicros);
                break;
        }
    }
}
