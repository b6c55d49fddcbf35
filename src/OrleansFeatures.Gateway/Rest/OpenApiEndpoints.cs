using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities;

namespace OrleansFeatures.Gateway.Rest;

/// <summary>
/// The OpenAPI document: the one that lies beside this file, into which the live definitions are written, so that a client's generator, or a person, finds the names that this server knows:
/// what a path's entity, service or stream may be, and the features of each service with their types. Made once for each catalog.
/// </summary>
internal sealed class OpenApiEndpoints(IEntityHost host)
{
    private const string Resource = "OrleansFeatures.Gateway.Rest.openapi.json";

    private static readonly ConditionalWeakTable<Catalog, byte[]> Documents = [];

    public Task GetAsync(HttpContext context)
    {
        string form = MediaTypes.Choose(context.Request, MediaTypes.Json, "application/vnd.oai.openapi+json");
        return JsonAnswer.SendAsync(context, StatusCodes.Status200OK, form, Documents.GetValue(host.Catalog, static catalog => Encoding.UTF8.GetBytes(DocumentOf(catalog).ToJsonString())));
    }

    internal static JsonNode DocumentOf(Catalog catalog)
    {
        using Stream stream = typeof(OpenApiEndpoints).Assembly.GetManifestResourceStream(Resource)!;
        JsonNode document = JsonNode.Parse(stream)!;
        Dictionary<string, string[]> names = new()
        {
            ["entity"] = [.. catalog.Entities.Select(entity => entity.Name)],
            ["service"] = [.. catalog.ServiceNames],
            ["stream"] = [.. catalog.Streams.Select(known => known.Name)],
        };
        foreach ((_, JsonNode? path) in document["paths"]!.AsObject())
        {
            foreach ((_, JsonNode? operation) in path!.AsObject())
            {
                Name(operation!["parameters"] as JsonArray ?? [], names);
            }
        }

        foreach (string service in names["service"])
        {
            document["components"]!["schemas"]![$"features.{service}"] = FeaturesOf(catalog.Service(service)!);
        }

        return document;
    }

    /// <summary>What the parameters of a path may be. Versions of services, which may stand behind their names, are not listed.</summary>
    private static void Name(JsonArray parameters, Dictionary<string, string[]> names)
    {
        foreach (JsonNode? parameter in parameters)
        {
            if ((string?)parameter!["in"] == "path" && names.TryGetValue((string)parameter["name"]!, out string[]? known) && known.Length > 0)
            {
                parameter["schema"]!["examples"] = new JsonArray([.. known.Select(name => JsonValue.Create(name))]);
            }
        }
    }

    private static JsonObject FeaturesOf(Selection selection)
    {
        var properties = new JsonObject();
        foreach (AnswerColumn column in selection.Columns)
        {
            properties[column.Name] = TypeOf(column);
        }

        return new JsonObject
        {
            ["type"] = "object",
            ["description"] = $"What {selection.Name} answers under features; null where there is no value.",
            ["properties"] = properties,
        };
    }

    private static JsonObject TypeOf(AnswerColumn column) => column.Shape switch
    {
        FeatureShape.List => new JsonObject { ["type"] = new JsonArray("array", "null"), ["items"] = ScalarOf(column.Type) },
        FeatureShape.Map => new JsonObject { ["type"] = new JsonArray("object", "null"), ["additionalProperties"] = ScalarOf(column.Type) },
        _ => ScalarOf(column.Type),
    };

    private static JsonObject ScalarOf(FieldType type) => type switch
    {
        FieldType.Int64 => new JsonObject { ["type"] = new JsonArray("integer", "null"), ["format"] = "int64" },
        FieldType.Double => new JsonObject { ["type"] = new JsonArray("number", "null"), ["format"] = "double" },
        FieldType.Bool => new JsonObject { ["type"] = new JsonArray("boolean", "null") },
        FieldType.Timestamp => new JsonObject { ["type"] = new JsonArray("string", "null"), ["format"] = "date-time" },
        _ => new JsonObject { ["type"] = new JsonArray("string", "null") },
    };
}
