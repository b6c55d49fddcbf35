using System.Text.Json;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Gateway.Serve;
using OrleansFeatures.V1;
using FeatureStatus = OrleansFeatures.Domain.State.FeatureStatus;
using FieldType = OrleansFeatures.Domain.Events.FieldType;
using Value = OrleansFeatures.Domain.Events.Value;

namespace OrleansFeatures.Gateway.Rest;

/// <summary>
/// A filled read as JSON. A cell without a value is null and named under <c>statuses</c>; cells that are PRESENT are not named there. Where a cell is
/// APPROXIMATE, <c>hops</c> names the step that it may be blurred by.
/// </summary>
internal sealed class FeatureJson(FeatureRead read, GetFeaturesRequest request, IEntityHost host)
{
    private static readonly string[] StatusNames = ["INVALID", "PRESENT", "NULL_VALUE", "NOT_FOUND", "OUTSIDE_MAX_AGE", "APPROXIMATE", "OUTSIDE_RETENTION"];

    /// <summary>By <see cref="RowOutcome"/>.</summary>
    private static readonly string[] RowStatusNames = ["OK", "DEADLINE_EXCEEDED", "UNAVAILABLE", "DATA_LOSS"];

    public void Write(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteString("service", read.Selection.Name);
        writer.WriteStartArray("rows");
        for (int row = 0; row < read.Rows; row++)
        {
            WriteRow(writer, row);
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    /// <summary>Values without what they are of: rows are arrays in the order of <c>columns</c>, and so are <c>statuses</c>, which stand there only if some cell is not PRESENT.</summary>
    public void WriteCompact(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteString("service", read.Selection.Name);
        writer.WriteStartArray("columns");
        foreach (AnswerColumn column in read.Selection.Columns)
        {
            writer.WriteStringValue(column.Name);
        }

        writer.WriteEndArray();
        writer.WriteStartArray("rows");
        int columns = read.Selection.Columns.Length;
        ReadOnlySpan<FeatureValue> values = read.Answer(0, read.Rows);
        bool isWhole = true;
        for (int row = 0; row < read.Rows; row++)
        {
            writer.WriteStartArray();
            for (int column = 0; column < columns; column++)
            {
                ref readonly FeatureValue value = ref values[(row * columns) + column];
                isWhole &= StatusOf(value) == FeatureStatus.Present;
                WriteCell(writer, value, read.Selection.Columns[column].Shape == FeatureShape.Map);
            }

            writer.WriteEndArray();
        }

        writer.WriteEndArray();
        if (!isWhole)
        {
            WriteCompactStatuses(writer, values, columns);
        }

        writer.WriteEndObject();
    }

    public void WriteRow(Utf8JsonWriter writer, int row)
    {
        writer.WriteStartObject();
        WriteKeys(writer, row);
        writer.WriteString("as_of", read.AsOf[row].ToString());
        if (read.KnownAt[row] != EventTime.Never)
        {
            writer.WriteString("known_at", read.KnownAt[row].ToString());
        }

        if (read.Partial is { } partial && partial.IsGivenUp(row))
        {
            writer.WriteString("row_status", RowStatusNames[(int)partial.Outcomes[row]]);
        }

        ReadOnlySpan<FeatureValue> values = read.Answer(row, 1);
        WriteFeatures(writer, values);
        WriteStatuses(writer, values);
        WriteHops(writer, values);
        WriteStates(writer, row);
        writer.WriteEndObject();
    }

    private void WriteKeys(Utf8JsonWriter writer, int row)
    {
        writer.WriteStartObject("keys");
        foreach (KeyColumn column in request.Keys)
        {
            FieldDefinition field = read.Selection.KeyFields.First(known => known.Name == column.Field);
            writer.WritePropertyName(column.Field);
            if (field.Type == FieldType.Int64)
            {
                writer.WriteNumberValue(long.Parse(column.Strings[row], System.Globalization.CultureInfo.InvariantCulture));
            }
            else
            {
                writer.WriteStringValue(column.Strings[row]);
            }
        }

        writer.WriteEndObject();
    }

    private void WriteFeatures(Utf8JsonWriter writer, ReadOnlySpan<FeatureValue> values)
    {
        writer.WriteStartObject("features");
        for (int index = 0; index < values.Length; index++)
        {
            writer.WritePropertyName(read.Selection.Columns[index].Name);
            WriteCell(writer, values[index], read.Selection.Columns[index].Shape == FeatureShape.Map);
        }

        writer.WriteEndObject();
    }

    /// <summary>One value by itself; null where there is none.</summary>
    public static string TextOf(in FeatureValue value, FeaturePlan feature)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            WriteCell(writer, value, feature.Shape == FeatureShape.Map);
        }

        return System.Text.Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static void WriteCell(Utf8JsonWriter writer, in FeatureValue value, bool isMap)
    {
        if (!value.HasValue)
        {
            writer.WriteNullValue();
        }
        else if (value.List is { } list)
        {
            WriteList(writer, list, isMap);
        }
        else
        {
            WriteValue(writer, value.Scalar);
        }
    }

    /// <summary>A map is an object: its keys become text, because JSON knows no other names.</summary>
    private static void WriteList(Utf8JsonWriter writer, Value[] list, bool isMap)
    {
        if (isMap)
        {
            writer.WriteStartObject();
            for (int index = 0; index + 1 < list.Length; index += 2)
            {
                writer.WritePropertyName(list[index].ToString());
                WriteValue(writer, list[index + 1]);
            }

            writer.WriteEndObject();
            return;
        }

        writer.WriteStartArray();
        foreach (Value element in list)
        {
            WriteValue(writer, element);
        }

        writer.WriteEndArray();
    }

    private void WriteStatuses(Utf8JsonWriter writer, ReadOnlySpan<FeatureValue> values)
    {
        writer.WriteStartObject("statuses");
        for (int index = 0; index < values.Length; index++)
        {
            FeatureStatus status = StatusOf(values[index]);
            if (status != FeatureStatus.Present)
            {
                writer.WriteString(read.Selection.Columns[index].Name, StatusNames[(int)status]);
            }
        }

        writer.WriteEndObject();
    }

    private void WriteCompactStatuses(Utf8JsonWriter writer, ReadOnlySpan<FeatureValue> values, int columns)
    {
        writer.WriteStartArray("statuses");
        for (int row = 0; row < read.Rows; row++)
        {
            writer.WriteStartArray();
            foreach (ref readonly FeatureValue value in values.Slice(row * columns, columns))
            {
                writer.WriteStringValue(StatusNames[(int)StatusOf(value)]);
            }

            writer.WriteEndArray();
        }

        writer.WriteEndArray();
        if (read.Partial is { IsWhole: false } partial)
        {
            writer.WriteStartArray("row_statuses");
            foreach (RowOutcome outcome in partial.Outcomes)
            {
                writer.WriteStringValue(RowStatusNames[(int)outcome]);
            }

            writer.WriteEndArray();
        }
    }

    private static FeatureStatus StatusOf(in FeatureValue value) => IsUnwritable(value.Scalar) ? FeatureStatus.Invalid : value.Status;

    private void WriteHops(Utf8JsonWriter writer, ReadOnlySpan<FeatureValue> values)
    {
        bool any = false;
        for (int index = 0; index < values.Length; index++)
        {
            if (values[index].Status == FeatureStatus.Approximate)
            {
                if (!any)
                {
                    writer.WriteStartObject("hops");
                    any = true;
                }

                writer.WriteString(read.Selection.Columns[index].Name, read.Selection.Columns[index].Hop.ToString());
            }
        }

        if (any)
        {
            writer.WriteEndObject();
        }
    }

    private void WriteStates(Utf8JsonWriter writer, int row)
    {
        int entities = read.Selection.Entities.Length;
        writer.WriteStartArray("states");
        for (int index = 0; index < entities; index++)
        {
            EntityStamp stamp = read.Stamps[(row * entities) + index];
            EntityPlan entity = read.Selection.Entities[index].Entity;
            writer.WriteStartObject();
            writer.WriteString("entity", entity.Name);
            writer.WriteNumber("state_version", stamp.StateVersion);
            WriteTime(writer, "last_event_time", stamp.StateVersion > 0 ? stamp.LastEventTimeMicros : null);
            WriteTime(writer, "complete_through", StreamTime.Of(entity, host));
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void WriteTime(Utf8JsonWriter writer, string name, long? micros)
    {
        if (micros is { } known)
        {
            writer.WriteString(name, new EventTime(known).ToString());
        }
        else
        {
            writer.WriteNull(name);
        }
    }

    private static void WriteValue(Utf8JsonWriter writer, in Value value)
    {
        switch (value.Type)
        {
            case FieldType.Int64:
                writer.WriteNumberValue(value.Int64);
                break;
            case FieldType.Double when !IsUnwritable(value):
                writer.WriteNumberValue(value.Double);
                break;
            case FieldType.Bool:
                writer.WriteBooleanValue(value.Bool);
                break;
            case FieldType.String:
                writer.WriteStringValue(value.Text);
                break;
            case FieldType.Timestamp:
                writer.WriteStringValue(value.Time.ToString());
                break;
            default:
                writer.WriteNullValue();
                break;
        }
    }

    /// <summary>JSON has no NaN and no infinity; a sum of finite numbers can still overflow to one.</summary>
    private static bool IsUnwritable(in Value value) => value.Type == FieldType.Double && !double.IsFinite(value.Double);
}
