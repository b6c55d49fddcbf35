using System.Text.Json;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.V1;
using Selection = OrleansFeatures.Domain.Definitions.Selection;

namespace OrleansFeatures.Gateway.Rest;

/// <summary>The JSON form of a feature request, read as the gRPC message that means the same.</summary>
internal static class FeatureRequests
{
    private static readonly string[] Properties = ["entities", "as_of", "known_at", "context", "min_token", "max_wait_ms", "partial", "prediction_ids", "compact"];

    /// <param name="body">The request's body.</param>
    /// <param name="selection">What is read.</param>
    /// <param name="readElsewhere">Properties that the caller reads.</param>
    /// <exception cref="RequestRefusedException">A property is unknown or of the wrong shape; the message names it.</exception>
    public static GetFeaturesRequest Read(JsonElement body, Selection selection, params string[] readElsewhere)
    {
        var request = new GetFeaturesRequest();
        foreach (JsonProperty property in body.EnumerateObject())
        {
            switch (property.Name)
            {
                case "entities":
                    AddEntities(request, property.Value, selection);
                    break;
                case "as_of":
                    AddAsOf(request, property.Value);
                    break;
                case "known_at":
                    AddKnownAt(request, property.Value);
                    break;
                case "context":
                    ContextRequests.Add(request.Context, property.Value, selection);
                    break;
                case "min_token":
                    request.MinToken = TokenOf(property.Value);
                    break;
                case "max_wait_ms":
                    request.MaxWaitMs = property.Value.ValueKind == JsonValueKind.Number && property.Value.TryGetUInt32(out uint wait)
                        ? wait
                        : throw Refuse.Argument("max_wait_ms", $"{property.Value.GetRawText()} is not a number of milliseconds", "send a whole number");
                    break;
                case "partial":
                    request.Partial = FlagOf(property);
                    break;
                case "compact":
                    request.Compact = FlagOf(property);
                    break;
                case "prediction_ids":
                    request.PredictionIds.AddRange(TextsOf(property.Value, "prediction_ids"));
                    break;
                default:
                    if (!readElsewhere.Contains(property.Name))
                    {
                        throw Refuse.Argument(property.Name, "there is no such property", NameSuggestion.DidYouMean(property.Name, Properties.Concat(readElsewhere)));
                    }

                    break;
            }
        }

        return request;
    }

    /// <summary>What to read, where the path does not say it: <c>"service": "fraud"</c> or <c>"features": ["view:feature", …]</c>.</summary>
    /// <exception cref="RequestRefusedException">It is neither, or both.</exception>
    public static FeatureSelection SelectionOf(JsonElement body)
    {
        bool hasService = body.TryGetProperty("service", out JsonElement service);
        bool hasFeatures = body.TryGetProperty("features", out JsonElement features);
        if (hasService == hasFeatures)
        {
            throw Refuse.Argument(hasService ? "features" : "service", hasService ? "service is given too" : "nothing is selected", "name a feature service under service, or list features under features, as view:feature or view:*");
        }

        var what = new FeatureSelection();
        if (hasService)
        {
            what.FeatureService = TextOf(service, "service");
        }
        else
        {
            what.Features = new FeatureList { Names = { TextsOf(features, "features") } };
        }

        return what;
    }

    /// <summary>One instant as people write it: RFC 3339, or <c>stream</c>.</summary>
    public static void AddAsOf(GetFeaturesRequest request, string text, string place)
    {
        if (text == "stream")
        {
            request.AsOfStreamTime = true;
        }
        else
        {
            request.AsOfMicros.Add(EventTime.TryParse(text, out EventTime time)
                ? time.Micros
                : throw Refuse.Argument(place, $"'{text}' is not a time", "send RFC 3339 with a zone, as 2018-04-01T00:00:31Z, or 'stream'"));
        }
    }

    /// <summary>One arrival time up to which events are looked at: RFC 3339.</summary>
    public static void AddKnownAt(GetFeaturesRequest request, string text, string place) =>
        request.KnownAtMicros.Add(EventTime.TryParse(text, out EventTime time)
            ? time.Micros
            : throw Refuse.Argument(place, $"'{text}' is not a time", "send RFC 3339 with a zone, as 2018-04-01T00:00:31Z, or leave it out for everything known today"));

    /// <summary>One for all rows, or an array with one each, in which null is everything known today.</summary>
    private static void AddKnownAt(GetFeaturesRequest request, JsonElement knownAt)
    {
        if (knownAt.ValueKind != JsonValueKind.Array)
        {
            AddKnownAt(request, TextOf(knownAt, "known_at"), "known_at");
            return;
        }

        int row = 0;
        foreach (JsonElement instant in knownAt.EnumerateArray())
        {
            string place = $"known_at[{row++}]";
            if (instant.ValueKind == JsonValueKind.Null)
            {
                request.KnownAtMicros.Add(EventTime.Never.Micros);
            }
            else
            {
                AddKnownAt(request, TextOf(instant, place), place);
            }
        }
    }

    private static void AddAsOf(GetFeaturesRequest request, JsonElement asOf)
    {
        if (asOf.ValueKind != JsonValueKind.Array)
        {
            AddAsOf(request, TextOf(asOf, "as_of"), "as_of");
            return;
        }

        int row = 0;
        foreach (JsonElement instant in asOf.EnumerateArray())
        {
            AddAsOf(request, TextOf(instant, $"as_of[{row}]"), $"as_of[{row}]");
            row++;
        }
    }

    private static void AddEntities(GetFeaturesRequest request, JsonElement entities, Selection selection)
    {
        if (entities.ValueKind != JsonValueKind.Array)
        {
            throw Refuse.Argument("entities", "it is not an array", "send an array with one object of key fields per row");
        }

        var columns = new Dictionary<string, KeyColumn>();
        int row = 0;
        foreach (JsonElement entity in entities.EnumerateArray())
        {
            if (entity.ValueKind != JsonValueKind.Object)
            {
                throw Refuse.Argument($"entities[{row}]", "it is not an object", "send the key fields of the row as an object");
            }

            AddEntity(columns, entity, row++, selection);
        }

        request.Keys.AddRange(columns.Values);
    }

    private static void AddEntity(Dictionary<string, KeyColumn> columns, JsonElement entity, int row, Selection selection)
    {
        foreach (JsonProperty field in entity.EnumerateObject())
        {
            string place = $"entities[{row}].{field.Name}";
            if (selection.KeyFields.All(known => known.Name != field.Name))
            {
                throw Refuse.Argument(place, $"'{field.Name}' is not a key field of {selection.Name}", NameSuggestion.DidYouMean(field.Name, selection.KeyFields.Select(known => known.Name)));
            }

            if (!columns.TryGetValue(field.Name, out KeyColumn? column))
            {
                columns[field.Name] = column = new KeyColumn { Field = field.Name };
            }

            if (column.Strings.Count == row)
            {
                column.Strings.Add(TextOf(field.Value, place));
            }
        }

        foreach (FieldDefinition field in selection.KeyFields)
        {
            if (!columns.TryGetValue(field.Name, out KeyColumn? column) || column.Strings.Count != row + 1)
            {
                throw Refuse.Argument($"entities[{row}].{field.Name}", "the key field is missing", $"give every row {string.Join(", ", selection.KeyFields.Select(key => key.Name))}");
            }
        }
    }

    private static ConsistencyToken TokenOf(JsonElement token)
    {
        var read = new ConsistencyToken();
        if (token.ValueKind != JsonValueKind.Object
            || !token.TryGetProperty("partitions", out JsonElement partitions) || !AddNumbers(partitions, number => read.Partitions.Add((uint)Math.Min(number, uint.MaxValue)))
            || !token.TryGetProperty("offsets", out JsonElement offsets) || !AddNumbers(offsets, read.Offsets.Add))
        {
            throw Refuse.Argument("min_token", "it is not a token", "hand back the token object as it was given");
        }

        return read;
    }

    private static bool AddNumbers(JsonElement list, Action<ulong> add)
    {
        if (list.ValueKind != JsonValueKind.Array)
        {
            return false;
        }

        foreach (JsonElement element in list.EnumerateArray())
        {
            if (element.ValueKind != JsonValueKind.Number || !element.TryGetUInt64(out ulong number) || number > long.MaxValue)
            {
                return false;
            }

            add(number);
        }

        return true;
    }

    private static bool FlagOf(JsonProperty property) => property.Value.ValueKind is JsonValueKind.True or JsonValueKind.False
        ? property.Value.GetBoolean()
        : throw Refuse.Argument(property.Name, $"{property.Value.GetRawText()} is neither true nor false", "send one of the two, or leave it out");

    private static IEnumerable<string> TextsOf(JsonElement list, string place) => list.ValueKind == JsonValueKind.Array
        ? [.. list.EnumerateArray().Select((element, index) => TextOf(element, $"{place}[{index}]"))]
        : throw Refuse.Argument(place, "it is not an array", "send an array of texts");

    public static string TextOf(JsonElement value, string place) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString()!,
        JsonValueKind.Number => value.GetRawText(),
        _ => throw Refuse.Argument(place, $"{value.GetRawText()} is neither text nor a number", "send text or a number"),
    };
}
