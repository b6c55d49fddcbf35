using System.Text.Json;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.V1;
using FieldType = OrleansFeatures.V1.FieldType;
using Value = OrleansFeatures.V1.Value;

namespace OrleansFeatures.Gateway.Rest;

/// <summary>Values of wire messages as JSON, in the spelling that REST has everywhere.</summary>
public static class WireJson
{
    /// <summary>As the contract spells it: NULL_VALUE, not NullValue.</summary>
    public static string NameOf(FeatureStatus status) => status switch
    {
        FeatureStatus.Present => "PRESENT",
        FeatureStatus.NullValue => "NULL_VALUE",
        FeatureStatus.NotFound => "NOT_FOUND",
        FeatureStatus.OutsideMaxAge => "OUTSIDE_MAX_AGE",
        FeatureStatus.Approximate => "APPROXIMATE",
        FeatureStatus.OutsideRetention => "OUTSIDE_RETENTION",
        _ => "INVALID",
    };

    /// <summary><c>token</c>, into an object that is open; clients hand it back as it is (<c>min_token</c>).</summary>
    public static void WriteToken(Utf8JsonWriter writer, ConsistencyToken token)
    {
        writer.WriteStartObject("token");
        writer.WriteStartArray("partitions");
        foreach (uint partition in token.Partitions)
        {
            writer.WriteNumberValue(partition);
        }

        writer.WriteEndArray();
        writer.WriteStartArray("offsets");
        foreach (ulong offset in token.Offsets)
        {
            writer.WriteNumberValue(offset);
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    /// <summary>The first row of an answer: <c>features</c>, <c>statuses</c> of those that are not PRESENT, <c>hops</c> of those that are blurred, <c>states</c>; into an object that is open.</summary>
    public static void WriteRow(Utf8JsonWriter writer, GetFeaturesResponse answer)
    {
        writer.WriteStartObject("features");
        foreach (FeatureColumn column in answer.Columns)
        {
            writer.WritePropertyName(column.Name);
            WriteCell(writer, answer.Rows, column, StatusOf(answer, answer.Columns.IndexOf(column)));
        }

        writer.WriteEndObject();
        writer.WriteStartObject("statuses");
        for (int index = 0; index < answer.Columns.Count; index++)
        {
            if (StatusOf(answer, index) is not FeatureStatus.Present and var status)
            {
                writer.WriteString(answer.Columns[index].Name, NameOf(status));
            }
        }

        writer.WriteEndObject();
        WriteStates(writer, answer);
    }

    public static void Write(Utf8JsonWriter writer, ListValue list)
    {
        writer.WriteStartArray();
        foreach (Value value in list.Values)
        {
            Write(writer, value);
        }

        writer.WriteEndArray();
    }

    /// <summary>An object: its keys become text, because JSON knows no other names.</summary>
    public static void Write(Utf8JsonWriter writer, MapValue map)
    {
        writer.WriteStartObject();
        for (int index = 0; index < map.Keys.Count; index++)
        {
            writer.WritePropertyName(TextOf(map.Keys[index]));
            Write(writer, map.Values[index]);
        }

        writer.WriteEndObject();
    }

    public static void Write(Utf8JsonWriter writer, Value? value)
    {
        switch (value?.KindCase)
        {
            case Value.KindOneofCase.Int64:
                writer.WriteNumberValue(value.Int64);
                break;
            case Value.KindOneofCase.Double when double.IsFinite(value.Double):
                writer.WriteNumberValue(value.Double);
                break;
            case Value.KindOneofCase.String:
                writer.WriteStringValue(value.String);
                break;
            case Value.KindOneofCase.Bool:
                writer.WriteBooleanValue(value.Bool);
                break;
            case Value.KindOneofCase.TimestampMicros:
                writer.WriteStringValue(TimeOf(value.TimestampMicros));
                break;
            default:
                // JSON has no NaN and no infinity.
                writer.WriteNullValue();
                break;
        }
    }

    private static FeatureStatus StatusOf(GetFeaturesResponse answer, int column) => answer.Rows.Statuses.IsEmpty ? FeatureStatus.Present : (FeatureStatus)answer.Rows.Statuses[column];

    private static void WriteCell(Utf8JsonWriter writer, FeatureRows rows, FeatureColumn column, FeatureStatus status)
    {
        int at = (int)column.LaneIndex;
        if (status is not (FeatureStatus.Present or FeatureStatus.Approximate))
        {
            writer.WriteNullValue();
            return;
        }

        switch (column.Lane)
        {
            case Lane.Double:
                Write(writer, new Value { Double = rows.Doubles[at] });
                break;
            case Lane.String:
                writer.WriteStringValue(rows.Strings[at]);
                break;
            case Lane.List:
                Write(writer, rows.Lists[at]);
                break;
            case Lane.Map:
                Write(writer, rows.Maps[at]);
                break;
            default:
                Write(writer, column.Type switch
                {
                    FieldType.Bool => new Value { Bool = rows.Int64S[at] != 0 },
                    FieldType.Timestamp => new Value { TimestampMicros = rows.Int64S[at] },
                    _ => new Value { Int64 = rows.Int64S[at] },
                });
                break;
        }
    }

    private static void WriteStates(Utf8JsonWriter writer, GetFeaturesResponse answer)
    {
        FeatureColumn[] blurred = [.. answer.Columns.Where((_, index) => StatusOf(answer, index) == FeatureStatus.Approximate)];
        if (blurred.Length > 0)
        {
            writer.WriteStartObject("hops");
            foreach (FeatureColumn column in blurred)
            {
                writer.WriteString(column.Name, new Domain.Definitions.Duration(column.HopMicros).ToString());
            }

            writer.WriteEndObject();
        }

        writer.WriteStartArray("states");
        foreach (EntityState state in answer.States)
        {
            writer.WriteStartObject();
            writer.WriteString("entity", state.Entity);
            writer.WriteNumber("state_version", state.StateVersion);
            WriteTime(writer, "last_event_time", state.LastEventTimeMicros);
            WriteTime(writer, "complete_through", state.CompleteThroughMicros);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void WriteTime(Utf8JsonWriter writer, string name, long micros)
    {
        if (micros == 0)
        {
            writer.WriteNull(name);
        }
        else
        {
            writer.WriteString(name, TimeOf(micros));
        }
    }

    private static string TextOf(Value value) => value.KindCase switch
    {
        Value.KindOneofCase.Int64 => Domain.Events.Value.Of(value.Int64).ToString(),
        Value.KindOneofCase.Double => Domain.Events.Value.Of(value.Double).ToString(),
        Value.KindOneofCase.Bool => Domain.Events.Value.Of(value.Bool).ToString(),
        Value.KindOneofCase.TimestampMicros => TimeOf(value.TimestampMicros),
        _ => value.String,
    };

    private static string TimeOf(long micros) => new EventTime(micros).ToString();
}
