using System.Globalization;
using NJsonSchema;
using NJsonSchema.Validation;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Gateway.Registry.Yaml;

namespace OrleansFeatures.Gateway.Registry;

/// <summary>Turns the schema validator's findings on one file into errors that name the line, say what is wrong, and how to put it right.</summary>
internal sealed class SchemaFindings(string file, YamlJson document, List<ValidationError> findings)
{
    /// <summary>What stands in another place, or has another name elsewhere.</summary>
    private static readonly Dictionary<string, string> Elsewhere = new(StringComparer.Ordinal)
    {
        ["allowed_lateness"] = "it belongs to the view, beside its where: all features of a view take the same events",
        ["ttl"] = "it belongs to the view, beside its where: all features of a view expire together",
        ["on_demand"] = "on-demand features are of no view: write on_demand: beside feature_views:",
        ["expression"] = "write expr: and the expression",
        ["time_zone"] = "it belongs into the window: window: {tumbling: 1d, time_zone: Europe/Zurich}",
        ["timezone"] = "write time_zone",
        ["tz"] = "write time_zone",
        ["sliding"] = "a sliding window is its length alone: window: 7d",
        ["size"] = "a sliding window is its length alone: window: 7d",
        ["length"] = "a sliding window is its length alone: window: 7d",
        ["gap"] = "write the pause that ends a session: window: {session: 30m}",
        ["count"] = "write the number of events: window: {last: 100}",
        ["calendar"] = "write the length: window: {tumbling: 1d}",
        ["every"] = "write the length: window: {tumbling: 1d}",
        ["hop"] = "it belongs into the accuracy: accuracy: {exact_for: 48h, hop: 5m}",
        ["exact_for"] = "it belongs into the accuracy: accuracy: {exact_for: 48h, hop: 5m}",
        ["group_by"] = "write by: and the name of a field",
    };

    /// <summary>Parts of the language that later versions bring: they deserve a better answer than "unknown".</summary>
    private static readonly Dictionary<string, string> NotYet = new(StringComparer.Ordinal)
    {
        ["include"] = "a feature service cannot include another: list its features",
        ["services"] = "a feature service cannot include another: list its features",
    };

    private static readonly Dictionary<string, string> TypeSynonyms = new(StringComparer.OrdinalIgnoreCase)
    {
        ["int"] = "int64", ["integer"] = "int64", ["long"] = "int64", ["int32"] = "int64", ["bigint"] = "int64",
        ["float"] = "double", ["float64"] = "double", ["number"] = "double", ["decimal"] = "double", ["real"] = "double",
        ["text"] = "string", ["str"] = "string", ["varchar"] = "string", ["boolean"] = "bool",
        ["datetime"] = "timestamp", ["time"] = "timestamp", ["date"] = "timestamp",
    };

    private static readonly string[] Durations = ["delay", "allowed_lateness", "ttl", "tumbling", "session", "max", "exact_for", "hop"];

    public IEnumerable<SourceError> Explain()
    {
        var suggestedKeys = new HashSet<string>(findings
            .Where(finding => finding.Kind == ValidationErrorKind.NoAdditionalPropertiesAllowed)
            .Select(finding => Parent(PathOf(finding)) + "." + NameSuggestion.Closest(finding.Property, KnownKeys(finding))));
        var notMaps = findings.Where(finding => finding.Kind == ValidationErrorKind.ObjectExpected).Select(PathOf).ToHashSet(StringComparer.Ordinal);
        var notTexts = findings.Where(finding => finding.Kind == ValidationErrorKind.StringExpected).Select(PathOf).ToHashSet(StringComparer.Ordinal);
        foreach (ValidationError finding in findings)
        {
            // A missing key is not news where the value is no map at all, or where a misspelt key stands for it; that a number is none
            // of the known texts is not news either.
            string path = PathOf(finding);
            bool known = finding.Kind switch
            {
                ValidationErrorKind.PropertyRequired => notMaps.Contains(Parent(path)) || suggestedKeys.Contains(Parent(path) + "." + finding.Property),
                ValidationErrorKind.NotInEnumeration => notTexts.Contains(path),
                _ => false,
            };
            if (!known)
            {
                yield return Explain(finding, path);
            }
        }
    }

    private SourceError Explain(ValidationError finding, string path)
    {
        switch (finding.Kind)
        {
            case ValidationErrorKind.NoAdditionalPropertiesAllowed:
                return UnknownKey(finding, path);
            case ValidationErrorKind.PropertyRequired:
                return At(document.NodeAt(Parent(path)).Place, $"the key '{finding.Property}' is missing", MissingKey(finding.Property!));
            default:
                YamlNode node = document.NodeAt(path);
                (string message, string suggestion) = WrongValue(finding, path, node);
                return At(node.Place, message, suggestion);
        }
    }

    private SourceError UnknownKey(ValidationError finding, string path)
    {
        string key = finding.Property!;
        Place place = (document.KeyAt(path) ?? document.NodeAt(path)).Place;
        if (ActualSchema(finding).PatternProperties.Count > 0)
        {
            return At(place, $"'{key}' is not a field name", "use a letter, then letters, digits and underscores");
        }

        bool cutByComma = document.NodeAt(path) is YamlScalar { Text.Length: 0 } && key.Contains(')', StringComparison.Ordinal);
        string suggestion = cutByComma
            ? "quote text that contains a comma: aggregate: \"percentile(amount, 0.95)\""
            : NotYet.GetValueOrDefault(key) ?? Elsewhere.GetValueOrDefault(key) ?? NameSuggestion.DidYouMean(key, KnownKeys(finding));
        return At(place, $"unknown key '{key}'", suggestion);
    }

    private static string MissingKey(string key) => key switch
    {
        "apiVersion" => "begin the file with: apiVersion: orleansfeatures/v1",
        "window" => "add how far the feature looks back, for example window: 7d",
        "aggregate" => "add what is computed, for example aggregate: mean(amount)",
        "event_id" => "add the field that identifies an event, for example event_id: tx_id",
        "event_time" => "add the timestamp field that says when an event happened, for example event_time: tx_time",
        "fields" => "add the fields and their types, for example fields: {tx_id: int64, tx_time: timestamp}",
        "key" => "add the fields that identify it, for example key: [customer_id]",
        "features" => "add a list of features",
        "expr" => "add what is computed, for example expr: request.amount / customer_spend.avg_amount_7d",
        _ => $"add {key}: …",
    };

    private static (string Message, string Suggestion) WrongValue(ValidationError finding, string path, YamlNode node)
    {
        JsonSchema schema = ActualSchema(finding);
        string key = path[(path.LastIndexOf('.') + 1)..];
        switch (finding.Kind)
        {
            case ValidationErrorKind.NotInEnumeration when node is YamlScalar scalar && IsFieldType(path):
                string near = TypeSynonyms.TryGetValue(scalar.Text, out string? synonym) ? $"did you mean '{synonym}'?" : NameSuggestion.DidYouMean(scalar.Text, Choices(schema));
                return ($"{node.Described} is not a field type", near);
            case ValidationErrorKind.NotInEnumeration:
                return ($"'{key}' cannot be {node.Described}", $"write {string.Join(" or ", Choices(schema))}");
            case ValidationErrorKind.StringExpected when node is YamlScalar { Text.Length: > 0 }:
                return ($"'{key}' must be text, found {node.Described}", IsDuration(path) ? "add a unit, for example 7d" : "quote it");
            case ValidationErrorKind.StringExpected:
                return ($"'{key}' must be text, found {node.Described}", "write one text");
            case ValidationErrorKind.ArrayExpected:
                return ($"'{key}' must be a list, found {node.Described}", node is YamlMap ? "begin each item with a dash: - name: …" : $"write {key}: [{(node is YamlScalar { Text.Length: > 0 } item ? item.Text : "…")}]");
            case ValidationErrorKind.ObjectExpected:
                return path.Length == 0
                    ? ($"the file must be a map, found {node.Described}", "begin with: apiVersion: orleansfeatures/v1")
                    : ($"'{key}' must be a map, found {node.Described}", key == "accuracy" ? "write accuracy: {exact_for: 48h, hop: 5m}" : "write keys and values, for example name: transactions");
            case ValidationErrorKind.IntegerExpected or ValidationErrorKind.NumberTooSmall or ValidationErrorKind.NumberTooBig:
                return ($"'{key}' cannot be {node.Described}", string.Create(CultureInfo.InvariantCulture, $"use a whole number from {schema.Minimum:0} to {schema.Maximum:0}"));
            case ValidationErrorKind.PatternMismatch:
                return Misspelt(path, node);
            case ValidationErrorKind.ItemsNotUnique:
                return ($"'{key}' names something twice", "name each once");
            case ValidationErrorKind.NoTypeValidates when key == "window":
                return WindowFindings.Explain(node);
            case ValidationErrorKind.NoTypeValidates:
                return ($"'{key}' cannot be {node.Described}", "write a number, a quoted text, true or false");
            case ValidationErrorKind.StringTooShort or ValidationErrorKind.TooFewItems or ValidationErrorKind.TooFewProperties:
                return ($"'{key}' is empty", "write at least one, or delete it");
            case ValidationErrorKind.StringTooLong:
                return ($"'{key}' is longer than {schema.MaxLength} characters", "shorten it");
            case ValidationErrorKind.TooManyItems or ValidationErrorKind.TooManyProperties:
                return ($"'{key}' has more than {Math.Max(schema.MaxItems, schema.MaxProperties)} items", "split it");
            default:
                return ($"'{key}' is not as the schema says ({finding.Kind})", "compare it with docs/definitions.md");
        }
    }

    private static (string Message, string Suggestion) Misspelt(string path, YamlNode node)
    {
        if (path.EndsWith(".tumbling", StringComparison.Ordinal))
        {
            return WindowFindings.ExplainLength(node);
        }

        if (IsDuration(path))
        {
            return ($"{node.Described} is not a duration", "write a whole number and one of ms s m h d, for example 7d");
        }

        return path.Contains(".features[", StringComparison.Ordinal) && path.EndsWith(']')
            ? ($"{node.Described} is not a feature reference", "write view:feature, view:*, view@2:feature, or the name of an on-demand feature")
            : ($"{node.Described} is not a name", "use a letter, then letters, digits and underscores");
    }

    private static bool IsFieldType(string path) =>
        path.Contains(".fields.", StringComparison.Ordinal) || (path.StartsWith("on_demand[", StringComparison.Ordinal) && (path.EndsWith(".type", StringComparison.Ordinal) || path.Contains(".request.", StringComparison.Ordinal)));

    private static bool IsDuration(string path) =>
        !IsFieldType(path) && Durations.Contains(path[(path.LastIndexOf('.') + 1)..]);

    private static IEnumerable<string> KnownKeys(ValidationError finding) => ActualSchema(finding).ActualProperties.Keys;

    private static IEnumerable<string> Choices(JsonSchema schema) => schema.Enumeration.OfType<object>().Select(choice => choice.ToString()!);

    private static JsonSchema ActualSchema(ValidationError finding) => finding.Schema.ActualSchema;

    /// <summary>The validator's "#/streams[0].name" without its root.</summary>
    private static string PathOf(ValidationError finding) => (finding.Path ?? "").TrimStart('#').TrimStart('/');

    private static string Parent(string path) => path[..Math.Max(0, path.LastIndexOf('.'))];

    private SourceError At(Place place, string message, string suggestion) => new(file, place.Line, place.Column, message, suggestion);
}
