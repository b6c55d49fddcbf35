using System.Text.Json;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.V1;
using Value = OrleansFeatures.V1.Value;

namespace OrleansFeatures.Gateway.Rest;

/// <summary>An explanation as JSON, for REST and for the command line. Names of statuses and reasons are those of the contract.</summary>
public static class ExplainJson
{
    public static void Write(Utf8JsonWriter writer, ExplainResponse explained)
    {
        writer.WriteStartObject();
        writer.WriteString("as_of", TimeOf(explained.AsOfMicros));
        if (explained.HasKnownAtMicros)
        {
            writer.WriteString("known_at", TimeOf(explained.KnownAtMicros));
        }

        writer.WriteStartArray("features");
        foreach (ExplainedFeature feature in explained.Features)
        {
            Write(writer, feature);
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    /// <summary>As the contract spells it.</summary>
    public static string NameOf(Exclusion exclusion) => exclusion switch
    {
        Exclusion.BeforeWindow => "BEFORE_WINDOW",
        Exclusion.AfterWindow => "AFTER_WINDOW",
        Exclusion.Filtered => "FILTERED",
        Exclusion.NoValue => "NO_VALUE",
        Exclusion.TooLate => "TOO_LATE",
        Exclusion.Superseded => "SUPERSEDED",
        Exclusion.NotYetKnown => "NOT_YET_KNOWN",
        Exclusion.BeyondCount => "BEYOND_COUNT",
        Exclusion.OtherSession => "OTHER_SESSION",
        _ => "NOT_EXCLUDED",
    };

    public static string NameOf(Agreement agreement) => agreement switch
    {
        Agreement.NotComparable => "NOT_COMPARABLE",
        Agreement.Differs => "DIFFERS",
        _ => "AGREES",
    };

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

    private static void Write(Utf8JsonWriter writer, ExplainedFeature feature)
    {
        writer.WriteStartObject();
        writer.WriteString("feature", feature.Column.Name);
        writer.WritePropertyName("value");
        WriteCell(writer, feature.Value);
        writer.WriteString("status", NameOf(feature.Value.Status));
        writer.WritePropertyName("recomputed");
        WriteCell(writer, feature.Recomputed);
        writer.WriteString("recomputed_status", NameOf(feature.Recomputed.Status));
        writer.WriteString("agreement", NameOf(feature.Agreement));
        writer.WriteString("definition", feature.Definition);
        writer.WriteString("definition_hash", feature.DefinitionHash);
        if (feature.State is not null)
        {
            WriteWindow(writer, feature);
            WriteState(writer, feature);
            WriteEvents(writer, feature);
        }

        writer.WriteEndObject();
    }

    private static void WriteWindow(Utf8JsonWriter writer, ExplainedFeature feature)
    {
        writer.WriteStartObject("window");
        if (feature.HasWindowAfterMicros)
        {
            writer.WriteString("after", TimeOf(feature.WindowAfterMicros));
        }
        else
        {
            writer.WriteNull("after");
        }

        writer.WriteString("through", TimeOf(feature.WindowThroughMicros));
        writer.WriteEndObject();
    }

    private static void WriteState(Utf8JsonWriter writer, ExplainedFeature feature)
    {
        writer.WriteStartObject("state");
        writer.WriteString("entity", feature.State.Entity);
        writer.WriteNumber("state_version", feature.State.StateVersion);
        writer.WriteNumber("partition", feature.Partition);
        writer.WriteEndObject();
    }

    private static void WriteEvents(Utf8JsonWriter writer, ExplainedFeature feature)
    {
        writer.WriteNumber("contributing", feature.Contributing);
        writer.WriteNumber("excluded", feature.Excluded);
        writer.WriteStartObject("exclusions");
        foreach (ExclusionCount count in feature.Exclusions)
        {
            writer.WriteNumber(NameOf(count.Reason), count.Events);
        }

        writer.WriteEndObject();
        writer.WriteStartArray("events");
        foreach (ExplainedEvent told in feature.Events)
        {
            Write(writer, told);
        }

        writer.WriteEndArray();
    }

    private static void Write(Utf8JsonWriter writer, ExplainedEvent told)
    {
        writer.WriteStartObject();
        writer.WritePropertyName("id");
        Write(writer, told.Id);
        writer.WriteString("event_time", TimeOf(told.EventTimeMicros));
        writer.WriteString("arrival_time", TimeOf(told.ArrivalTimeMicros));
        writer.WriteString("operation", told.Operation == Operation.Upsert ? "upsert" : "insert");
        writer.WriteBoolean("counts", told.Excluded == Exclusion.NotExcluded);
        if (told.Excluded != Exclusion.NotExcluded)
        {
            writer.WriteString("excluded", NameOf(told.Excluded));
        }

        writer.WritePropertyName("value");
        Write(writer, told.Value);
        writer.WriteNumber("partition", told.Partition);
        writer.WriteNumber("offset", told.Offset);
        writer.WriteNumber("sequence", told.Sequence);
        if (told.HasSupersededBySequence)
        {
            writer.WriteNumber("superseded_by_sequence", told.SupersededBySequence);
        }

        writer.WriteEndObject();
    }

    private static void WriteCell(Utf8JsonWriter writer, FeatureCell cell)
    {
        if (cell.Status is not (FeatureStatus.Present or FeatureStatus.Approximate))
        {
            writer.WriteNullValue();
        }
        else if (cell.List is { } list)
        {
            writer.WriteStartArray();
            foreach (Value value in list.Values)
            {
                Write(writer, value);
            }

            writer.WriteEndArray();
        }
        else if (cell.Map is { } map)
        {
            writer.WriteStartObject();
            for (int index = 0; index < map.Keys.Count; index++)
            {
                writer.WritePropertyName(TextOf(map.Keys[index]));
                Write(writer, map.Values[index]);
            }

            writer.WriteEndObject();
        }
        else
        {
            Write(writer, cell.Scalar);
        }
    }

    private static void Write(Utf8JsonWriter writer, Value? value)
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
