using System.Text.Json;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.V1;

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

    private static void Write(Utf8JsonWriter writer, ExplainedFeature feature)
    {
        writer.WriteStartObject();
        writer.WriteString("feature", feature.Column.Name);
        writer.WritePropertyName("value");
        WriteCell(writer, feature.Value);
        writer.WriteString("status", WireJson.NameOf(feature.Value.Status));
        writer.WritePropertyName("recomputed");
        WriteCell(writer, feature.Recomputed);
        writer.WriteString("recomputed_status", WireJson.NameOf(feature.Recomputed.Status));
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
        WireJson.Write(writer, told.Id);
        writer.WriteString("event_time", TimeOf(told.EventTimeMicros));
        writer.WriteString("arrival_time", TimeOf(told.ArrivalTimeMicros));
        writer.WriteString("operation", told.Operation == Operation.Upsert ? "upsert" : "insert");
        writer.WriteBoolean("counts", told.Excluded == Exclusion.NotExcluded);
        if (told.Excluded != Exclusion.NotExcluded)
        {
            writer.WriteString("excluded", NameOf(told.Excluded));
        }

        writer.WritePropertyName("value");
        WireJson.Write(writer, told.Value);
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
            WireJson.Write(writer, list);
        }
        else if (cell.Map is { } map)
        {
            WireJson.Write(writer, map);
        }
        else
        {
            WireJson.Write(writer, cell.Scalar);
        }
    }

    private static string TimeOf(long micros) => new EventTime(micros).ToString();
}
