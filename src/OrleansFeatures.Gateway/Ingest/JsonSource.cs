using System.Text.Json;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities.Intake;

namespace OrleansFeatures.Gateway.Ingest;

/// <summary>
/// Events as JSON objects by field name, typed by the schema: a number for int64 (whole), double or string; text for every type it reads wholly
/// as; 0 or 1 for bool; RFC 3339 text for a timestamp. A number is never taken for a time, because its unit would be a guess. A property that the
/// schema lacks is refused, because a misspelt name would otherwise be a silent null. What the event says of itself beside its fields stands under
/// <see cref="EnvelopeNames"/>.
/// </summary>
internal sealed class JsonSource(string stream, uint schemaVersion, JsonProvenance provenance, List<JsonEvent> events) : EventSource
{
    /// <summary>From here on two neighbouring integers read as the same double.</summary>
    private const double WholeDoubleMax = 1L << 53;

    private StreamVersion? _version;

    public override string Stream => stream;

    public override uint SchemaVersion => schemaVersion;

    public override int Count => events.Count;

    public override void Bind(StreamVersion version) => _version = version;

    public override EventRefusal? ReadProvenance(int index, out Provenance read)
    {
        read = default;
        return events[index].Unreadable() ?? provenance.Read(events[index].Element, out read);
    }

    public override EventRefusal? Read(int index, bool idOnly, Span<Value> fields)
    {
        fields.Clear();
        foreach (JsonProperty property in events[index].Element.EnumerateObject())
        {
            if (JsonProvenance.IsEnvelope(property.Name) || (idOnly && !IsId(property.Name)))
            {
                continue;
            }

            int position = FieldNames.PositionOf(_version!, property.Name);
            if (position < 0)
            {
                return new EventRefusal(property.Name, $"stream '{stream}' has no field '{property.Name}'", FieldNames.DidYouMean(_version!, property.Name));
            }

            FieldDefinition field = _version!.Definition.Fields[position];
            if (!TryConvert(property.Value, field.Type, out fields[position]))
            {
                return Mismatch.Types(field, property.Value.ValueKind == JsonValueKind.String ? FieldType.String : FieldType.Null, Shown(property.Value));
            }
        }

        return null;
    }

    public override void WriteJson(int index, Utf8JsonWriter writer)
    {
        if (events[index].Problem is not null)
        {
            QuarantineJson.WriteText(writer, events[index].Raw);
        }
        else
        {
            events[index].Element.WriteTo(writer);
        }
    }

    private bool IsId(string name) => name == _version!.Definition.Fields[_version.IdPosition].Name;

    private static string Shown(JsonElement value) => value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText();

    private static bool TryConvert(JsonElement json, FieldType declared, out Value value)
    {
        value = default;
        return json.ValueKind switch
        {
            JsonValueKind.Null => true,
            JsonValueKind.String => TextCell.TryParse(json.GetString()!, declared, out value),
            JsonValueKind.True or JsonValueKind.False when declared == FieldType.Bool => Take(Value.Of(json.GetBoolean()), out value),
            JsonValueKind.Number => TryConvertNumber(json, declared, out value),
            _ => false,
        };
    }

    private static bool TryConvertNumber(JsonElement json, FieldType declared, out Value value)
    {
        value = default;
        switch (declared)
        {
            case FieldType.Int64 when json.TryGetInt64(out long whole):
                return Take(Value.Of(whole), out value);
            case FieldType.Int64 when json.TryGetDouble(out double number) && number == Math.Floor(number) && Math.Abs(number) < WholeDoubleMax:
                return Take(Value.Of((long)number), out value);
            case FieldType.Double when json.TryGetDouble(out double number):
                return Take(Value.Of(number), out value);
            case FieldType.Bool when json.TryGetInt64(out long bit) && bit is 0 or 1:
                return Take(Value.Of(bit == 1), out value);
            case FieldType.String:
                return Take(Value.Of(json.GetRawText()), out value);
            default:
                return false;
        }
    }

    private static bool Take(Value taken, out Value value)
    {
        value = taken;
        return true;
    }
}
