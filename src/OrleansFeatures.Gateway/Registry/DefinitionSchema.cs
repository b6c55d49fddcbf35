using NJsonSchema;
using NJsonSchema.Validation;
using OrleansFeatures.Gateway.Registry.Yaml;

namespace OrleansFeatures.Gateway.Registry;

/// <summary>
/// The JSON Schema of definition files: the same text that editors load. It decides the structure (keys, types, spelling of names and
/// durations); names that refer to each other are the catalog's.
/// </summary>
public static class DefinitionSchema
{
    private static readonly Lazy<JsonSchema> Schema = new(() => JsonSchema.FromJsonAsync(Json).GetAwaiter().GetResult());

    /// <summary>The schema's text, for editors and for the REST gateway.</summary>
    public static string Json
    {
        get
        {
            using Stream stream = typeof(DefinitionSchema).Assembly.GetManifestResourceStream("OrleansFeatures.Gateway.Registry.definitions.schema.json")!;
            using var reader = new StreamReader(stream);
            return reader.ReadToEnd();
        }
    }

    /// <summary>Everything that is structurally wrong with one file, in the order of its lines.</summary>
    internal static IEnumerable<SourceError> Check(string file, YamlJson document)
    {
        List<ValidationError> findings = [.. Flatten(Schema.Value.Validate(document.Root))];
        return new SchemaFindings(file, document, findings).Explain().OrderBy(error => error.Line).ThenBy(error => error.Column);
    }

    /// <summary>An error of an item is nested in an error that says that the item is not valid.</summary>
    private static IEnumerable<ValidationError> Flatten(IEnumerable<ValidationError> errors) => errors.SelectMany(error =>
        error is ChildSchemaValidationError parent ? Flatten(parent.Errors.Values.SelectMany(children => children)) : [error]);
}
