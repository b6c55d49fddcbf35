using System.Text.Json;
using System.Text.Json.Nodes;

namespace OrleansFeatures.Gateway.Tests.Rest;

/// <summary>Holds JSON against the schemas of our OpenAPI document: just the words of JSON Schema that it uses. A word that is not known fails, so that none is passed over unseen.</summary>
internal sealed class SchemaCheck(JsonNode document)
{
    private static readonly HashSet<string> Words = ["$ref", "type", "properties", "required", "additionalProperties", "items", "enum", "oneOf", "description", "format", "examples"];

    /// <summary>What is wrong, each with its place; empty where nothing is.</summary>
    public IEnumerable<string> Problems(JsonNode? value, JsonNode schema, string place = "$")
    {
        if (schema is not JsonObject words)
        {
            return [];
        }

        string[] unknown = [.. words.Select(word => word.Key).Where(word => !Words.Contains(word))];
        if (unknown.Length > 0)
        {
            return [$"{place}: the check does not know {string.Join(", ", unknown)}"];
        }

        if (words["$ref"] is { } reference)
        {
            return Problems(value, document["components"]!["schemas"]![((string)reference!)["#/components/schemas/".Length..]]!, place);
        }

        if (words["oneOf"] is JsonArray choices)
        {
            string[][] each = [.. choices.Select(choice => Problems(value, choice!, place).ToArray())];
            return each.Count(problems => problems.Length == 0) == 1 ? [] : [$"{place}: not one of the forms: {string.Join(" | ", each.Select(problems => string.Join("; ", problems)))}"];
        }

        return TypeProblems(value, words, place).Concat(ObjectProblems(value, words, place)).Concat(ItemProblems(value, words, place));
    }

    private static IEnumerable<string> TypeProblems(JsonNode? value, JsonObject words, string place)
    {
        string[] types = words["type"] switch { null => [], JsonArray several => [.. several.Select(type => (string)type!)], { } one => [(string)one!] };
        string found = value?.GetValueKind() switch
        {
            null or JsonValueKind.Null => "null",
            JsonValueKind.True or JsonValueKind.False => "boolean",
            JsonValueKind.Number => long.TryParse(value.ToJsonString(), out _) ? "integer" : "number",
            var kind => kind.ToString()!.ToLowerInvariant(),
        };
        if (types.Length > 0 && !types.Contains(found) && !(found == "integer" && types.Contains("number")))
        {
            yield return $"{place}: {found} is not {string.Join(" or ", types)}";
        }

        if (words["enum"] is JsonArray allowed && !allowed.Any(one => JsonNode.DeepEquals(one, value)))
        {
            yield return $"{place}: {value} is not one of {allowed.ToJsonString()}";
        }
    }

    private IEnumerable<string> ObjectProblems(JsonNode? value, JsonObject words, string place)
    {
        if (value is not JsonObject given)
        {
            return [];
        }

        JsonObject properties = words["properties"] as JsonObject ?? [];
        IEnumerable<string> missing = (words["required"] as JsonArray ?? []).Select(name => (string)name!).Where(name => !given.ContainsKey(name)).Select(name => $"{place}: {name} is missing");
        return missing.Concat(given.SelectMany(pair =>
            properties[pair.Key] is { } known ? Problems(pair.Value, known, $"{place}.{pair.Key}")
            : words["additionalProperties"] is JsonObject other ? Problems(pair.Value, other, $"{place}.{pair.Key}")
            : words["additionalProperties"] is JsonValue flag && !(bool)flag ? [$"{place}: {pair.Key} is not described"]
            : []));
    }

    private IEnumerable<string> ItemProblems(JsonNode? value, JsonObject words, string place) => value is JsonArray items && words["items"] is { } schema
        ? items.SelectMany((item, index) => Problems(item, schema, $"{place}[{index}]"))
        : [];
}
