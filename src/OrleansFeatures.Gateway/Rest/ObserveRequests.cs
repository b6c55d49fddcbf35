using System.Text.Json;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.V1;
using FieldType = OrleansFeatures.Domain.Events.FieldType;
using Selection = OrleansFeatures.Domain.Definitions.Selection;

namespace OrleansFeatures.Gateway.Rest;

/// <summary>The JSON form of ObserveAndGet, read as the message that means the same.</summary>
internal static class ObserveRequests
{
    private static readonly string[] Properties = ["stream", "schema_version", "producer", "event", "keys", "context", "prediction_id", "service", "features"];

    /// <exception cref="RequestRefusedException">A property is missing, unknown or of the wrong shape; the message names it.</exception>
    public static ObserveAndGetRequest Read(JsonElement body, FeatureSelection what, Selection selection, Catalog catalog)
    {
        var request = new ObserveAndGetRequest { What = what, Stream = StreamOf(body, selection) };
        foreach (JsonProperty property in body.EnumerateObject())
        {
            switch (property.Name)
            {
                case "stream" or "event" or "service" or "features":
                    break;
                case "schema_version":
                    request.SchemaVersion = property.Value.ValueKind == JsonValueKind.Number && property.Value.TryGetUInt32(out uint version)
                        ? version
                        : throw Refuse.Argument("schema_version", $"{property.Value.GetRawText()} is not a version", "send a whole number, or leave it out for the newest");
                    break;
                case "producer":
                    request.Producer = FeatureRequests.TextOf(property.Value, "producer");
                    break;
                case "keys":
                    AddKeys(request, property.Value);
                    break;
                case "context":
                    ContextRequests.Add(request.Context, property.Value, selection);
                    break;
                case "prediction_id":
                    request.PredictionId = FeatureRequests.TextOf(property.Value, "prediction_id");
                    break;
                default:
                    throw Refuse.Argument(property.Name, "there is no such property", NameSuggestion.DidYouMean(property.Name, Properties));
            }
        }

        AddEvent(request, body, catalog);
        return request;
    }

    /// <summary>As given, or the one stream that everything selected is computed from.</summary>
    private static string StreamOf(JsonElement body, Selection selection)
    {
        if (body.TryGetProperty("stream", out JsonElement stream))
        {
            return FeatureRequests.TextOf(stream, "stream");
        }

        string[] streams = [.. selection.Entities.SelectMany(entity => entity.Plan.Timelines.Select(timeline => entity.Entity.Timelines[timeline].Stream.Name)).Distinct()];
        return streams is [var only] ? only : throw Refuse.Argument("stream", $"it is missing, and {selection.Name} reads {streams.Length} streams", $"name the event's: {string.Join(", ", streams)}");
    }

    private static void AddEvent(ObserveAndGetRequest request, JsonElement body, Catalog catalog)
    {
        if (!body.TryGetProperty("event", out JsonElement given) || given.ValueKind != JsonValueKind.Object)
        {
            throw Refuse.Argument("event", "there is no event", "send its fields as an object");
        }

        StreamVersion? version = catalog.Stream(request.Stream)?.Version((int)request.SchemaVersion);
        request.Event = new EventRow();
        foreach (JsonProperty field in given.EnumerateObject())
        {
            bool isText = version?.Definition.Fields.FirstOrDefault(known => known.Name == field.Name)?.Type == FieldType.String;
            request.FieldNames.Add(field.Name);
            request.Event.Values.Add(ValueOf(field.Value, isText, $"event.{field.Name}"));
        }
    }

    /// <summary>What is sent as a push's rows are: the field's type decides what is taken. A number for a text is the text as it is written.</summary>
    private static Value ValueOf(JsonElement value, bool isText, string place) => value.ValueKind switch
    {
        JsonValueKind.Null => new Value(),
        JsonValueKind.String => new Value { String = value.GetString()! },
        JsonValueKind.True or JsonValueKind.False => new Value { Bool = value.GetBoolean() },
        JsonValueKind.Number when isText => new Value { String = value.GetRawText() },
        JsonValueKind.Number when value.TryGetInt64(out long number) => new Value { Int64 = number },
        JsonValueKind.Number => new Value { Double = value.GetDouble() },
        _ => throw Refuse.Argument(place, "it is an object or an array", "send one value"),
    };

    private static void AddKeys(ObserveAndGetRequest request, JsonElement keys)
    {
        if (keys.ValueKind != JsonValueKind.Object)
        {
            throw Refuse.Argument("keys", "it is not an object", "send the key fields that the event does not carry as an object");
        }

        request.Keys.AddRange(keys.EnumerateObject().Select(field => new KeyColumn { Field = field.Name, Strings = { FeatureRequests.TextOf(field.Value, $"keys.{field.Name}") } }));
    }
}
