using System.Text.Json;
using Feast.Serving;
using Feast.Types;
using Google.Protobuf.WellKnownTypes;
using OrleansFeatures.Domain.Events;
using Value = Feast.Types.Value;

namespace OrleansFeatures.Gateway.Feast;

/// <summary>
/// Feast's HTTP bodies. Values are plain JSON: a whole number is an int64, another number a double, and so on; lists may stand as they are or under <c>val</c>, as the protocol's comments allow. Properties that
/// are not of the request's are passed over, as Feast's server does.
/// </summary>
internal static class FeastJson
{
    private static readonly string[] StatusNames = ["INVALID", "PRESENT", "NULL_VALUE", "NOT_FOUND", "OUTSIDE_MAX_AGE"];

    /// <exception cref="RequestRefusedException">It is not of Feast's form; the message names the place.</exception>
    public static GetOnlineFeaturesRequest ReadRequest(JsonElement body)
    {
        var request = new GetOnlineFeaturesRequest
        {
            FullFeatureNames = FlagOf(body, "full_feature_names"),
            IncludeFeatureViewVersionMetadata = FlagOf(body, "include_feature_view_version_metadata"),
        };
        AddColumns(request.Entities, body, "entities");
        AddColumns(request.RequestContext, body, "request_context");
        if (TextOf(body, "feature_service") is { Length: > 0 } service)
        {
            request.FeatureService = service;
            return request;
        }

        request.Features = new FeatureList();
        if (Given(body, "features") is { } features)
        {
            request.Features.Val.Add(ItemsOf(features, "features").Select((item, index) => item.ValueKind == JsonValueKind.String
                ? item.GetString()!
                : throw Refuse.Argument($"features[{index}]", "it is not text", "send view:feature")));
        }

        return request;
    }

    /// <summary>The columns of <c>df</c>: lists of one length, or scalars, which stand for every row.</summary>
    /// <exception cref="RequestRefusedException">It is not a frame; the message names the place.</exception>
    public static List<FrameColumn> ReadFrame(JsonElement body)
    {
        if (Given(body, "df") is not { ValueKind: JsonValueKind.Object } frame)
        {
            throw Refuse.Argument("df", "it is missing, or no object", "send an object of columns, as df.to_dict('list') makes it");
        }

        return [.. frame.EnumerateObject().Select(column => column.Value.ValueKind switch
        {
            JsonValueKind.Array => new FrameColumn(column.Name, [.. column.Value.EnumerateArray().Select((item, row) => ValueOf(item, $"df.{column.Name}[{row}]"))]),
            JsonValueKind.Object => throw Refuse.Argument($"df.{column.Name}", "it is an object", "send the column as a list, as df.to_dict('list') makes it"),
            _ => new FrameColumn(column.Name, [ValueOf(column.Value, $"df.{column.Name}")], Repeats: true),
        })];
    }

    /// <summary>The text under a name; empty where there is none, or null.</summary>
    /// <exception cref="RequestRefusedException">It is not text.</exception>
    public static string TextOf(JsonElement body, string name) => Given(body, name) switch
    {
        null => "",
        { ValueKind: JsonValueKind.String } text => text.GetString()!,
        _ => throw Refuse.Argument(name, "it is not text", "send a name"),
    };

    public static void Write(Utf8JsonWriter writer, GetOnlineFeaturesResponse response)
    {
        writer.WriteStartObject();
        WriteMetadata(writer, response.Metadata);
        writer.WriteStartArray("results");
        foreach (GetOnlineFeaturesResponse.Types.FeatureVector vector in response.Results)
        {
            WriteVector(writer, vector);
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void WriteMetadata(Utf8JsonWriter writer, GetOnlineFeaturesResponseMetadata metadata)
    {
        writer.WriteStartObject("metadata");
        writer.WriteStartArray("feature_names");
        foreach (string name in metadata.FeatureNames.Val)
        {
            writer.WriteStringValue(name);
        }

        writer.WriteEndArray();
        if (metadata.FeatureViewMetadata.Count > 0)
        {
            writer.WriteStartArray("feature_view_metadata");
            foreach (FeatureViewMetadata view in metadata.FeatureViewMetadata)
            {
                writer.WriteStartObject();
                writer.WriteString("name", view.Name);
                writer.WriteNumber("version", view.Version);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
        }

        writer.WriteEndObject();
    }

    private static void WriteVector(Utf8JsonWriter writer, GetOnlineFeaturesResponse.Types.FeatureVector vector)
    {
        writer.WriteStartObject();
        writer.WriteStartArray("values");
        foreach (Value value in vector.Values)
        {
            WriteValue(writer, value);
        }

        writer.WriteEndArray();
        writer.WriteStartArray("statuses");
        foreach (FieldStatus status in vector.Statuses)
        {
            writer.WriteStringValue(StatusNames[(int)status]);
        }

        writer.WriteEndArray();
        writer.WriteStartArray("event_timestamps");
        foreach (Timestamp time in vector.EventTimestamps)
        {
            writer.WriteStringValue(EventTime.From(time.ToDateTimeOffset()).ToString());
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    /// <summary>The kinds that answers have (<see cref="FeastValues"/>).</summary>
    private static void WriteValue(Utf8JsonWriter writer, Value value)
    {
        switch (value.ValCase)
        {
            case Value.ValOneofCase.Int64Val:
                writer.WriteNumberValue(value.Int64Val);
                break;
            case Value.ValOneofCase.DoubleVal:
                writer.WriteNumberValue(value.DoubleVal);
                break;
            case Value.ValOneofCase.StringVal:
                writer.WriteStringValue(value.StringVal);
                break;
            case Value.ValOneofCase.BoolVal:
                writer.WriteBooleanValue(value.BoolVal);
                break;
            case Value.ValOneofCase.UnixTimestampVal:
                writer.WriteNumberValue(value.UnixTimestampVal);
                break;
            case Value.ValOneofCase.MapVal:
                WriteMap(writer, value.MapVal.Val);
                break;
            case Value.ValOneofCase.ScalarMapVal:
                WriteMap(writer, value.ScalarMapVal.Val.Select(entry => KeyValuePair.Create(NameOf(entry.Key), entry.Value)));
                break;
            case Value.ValOneofCase.None:
                writer.WriteNullValue();
                break;
            default:
                WriteList(writer, value);
                break;
        }
    }

    private static void WriteList(Utf8JsonWriter writer, Value list) => JsonSerializer.Serialize(writer, list.ValCase switch
    {
        Value.ValOneofCase.Int64ListVal => list.Int64ListVal.Val,
        Value.ValOneofCase.DoubleListVal => list.DoubleListVal.Val,
        Value.ValOneofCase.BoolListVal => list.BoolListVal.Val,
        Value.ValOneofCase.UnixTimestampListVal => list.UnixTimestampListVal.Val,
        _ => (object)list.StringListVal.Val,
    });

    private static void WriteMap(Utf8JsonWriter writer, IEnumerable<KeyValuePair<string, Value>> map)
    {
        writer.WriteStartObject();
        foreach ((string key, Value value) in map)
        {
            writer.WritePropertyName(key);
            WriteValue(writer, value);
        }

        writer.WriteEndObject();
    }

    /// <summary>JSON knows no names but text.</summary>
    private static string NameOf(MapKey key) => key.KeyCase switch
    {
        MapKey.KeyOneofCase.DoubleKey => Domain.Events.Value.Of(key.DoubleKey).ToString(),
        MapKey.KeyOneofCase.BoolKey => Domain.Events.Value.Of(key.BoolKey).ToString(),
        MapKey.KeyOneofCase.UnixTimestampKey => Domain.Events.Value.Of(key.UnixTimestampKey).ToString(),
        _ => Domain.Events.Value.Of(key.Int64Key).ToString(),
    };

    private static void AddColumns(IDictionary<string, RepeatedValue> columns, JsonElement body, string name)
    {
        if (Given(body, name) is not { } given)
        {
            return;
        }

        if (given.ValueKind != JsonValueKind.Object)
        {
            throw Refuse.Argument(name, "it is not an object", "send an object with a list of values per name");
        }

        foreach (JsonProperty column in given.EnumerateObject())
        {
            var values = new RepeatedValue();
            values.Val.Add(ItemsOf(column.Value, $"{name}.{column.Name}").Select((item, row) => ValueOf(item, $"{name}.{column.Name}[{row}]")));
            columns[column.Name] = values;
        }
    }

    private static JsonElement? Given(JsonElement body, string name) =>
        body.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private static bool FlagOf(JsonElement body, string name) => Given(body, name) switch
    {
        null => false,
        { ValueKind: JsonValueKind.True or JsonValueKind.False } flag => flag.GetBoolean(),
        _ => throw Refuse.Argument(name, "it is neither true nor false", "send true, or leave it out"),
    };

    private static JsonElement.ArrayEnumerator ItemsOf(JsonElement list, string place)
    {
        if (list.ValueKind == JsonValueKind.Object && list.TryGetProperty("val", out JsonElement inner))
        {
            list = inner;
        }

        return list.ValueKind == JsonValueKind.Array ? list.EnumerateArray() : throw Refuse.Argument(place, "it is not a list", "send a list");
    }

    private static Value ValueOf(JsonElement item, string place) => item.ValueKind switch
    {
        JsonValueKind.Null => new Value { NullVal = Null.Null },
        JsonValueKind.String => new Value { StringVal = item.GetString()! },
        JsonValueKind.True or JsonValueKind.False => new Value { BoolVal = item.GetBoolean() },
        JsonValueKind.Number when item.TryGetInt64(out long whole) => new Value { Int64Val = whole },
        JsonValueKind.Number when item.TryGetDouble(out double number) => new Value { DoubleVal = number },
        _ => throw Refuse.Argument(place, $"a {item.ValueKind.ToString().ToLowerInvariant()} cannot be a value here", "send text, a number, true, false or null"),
    };
}
