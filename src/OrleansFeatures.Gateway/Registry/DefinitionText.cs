using System.Globalization;
using System.Text;
using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Gateway.Registry.Yaml;

namespace OrleansFeatures.Gateway.Registry;

/// <summary>
/// Definitions written as YAML, one way only: reading the text gives the definition back, and equal definitions give equal text. What
/// the registry shows of one definition, and what the hash is computed over.
/// </summary>
public static class DefinitionText
{
    public static string Of(StreamDefinition stream) =>
        $"""
        - name: {stream.Name}
          version: {stream.Version}
          event_id: {Scalar(stream.EventId)}
          event_time: {Scalar(stream.EventTime)}
          fields:
        {string.Concat(stream.Fields.Select(field => $"    {Scalar(field.Name)}: {field.Type.Name()}\n"))}
        """.TrimEnd('\n') + "\n";

    public static string Of(EntityDefinition entity) =>
        $"""
        - name: {entity.Name}
          key: [{string.Join(", ", entity.Key.Select(Scalar))}]
        {(entity.History is { } history ? $"  history: {history}\n" : "")}
        """.TrimEnd('\n') + "\n";

    public static string Of(FeatureViewDefinition view) =>
        $"""
        - name: {view.Name}
          version: {view.Version}
          entity: {Scalar(view.Entity)}
          stream: {Scalar(view.Stream)}
        {Line("  where", view.Where)}{(view.AllowedLateness is { } lateness ? $"  allowed_lateness: {lateness}\n" : "")}{(view.Ttl is { } ttl ? $"  ttl: {ttl}\n" : "")}  features:
        {string.Concat(view.Features.Select(Of))}
        """.TrimEnd('\n') + "\n";

    public static string Of(OnDemandDefinition onDemand) =>
        $"""
        - name: {onDemand.Name}
          type: {onDemand.Type.Name()}
          expr: {Quoted(onDemand.Expression.Trim())}
        {(onDemand.Request.IsEmpty ? "" : $"  request: {{{string.Join(", ", onDemand.Request.Select(field => $"{Scalar(field.Name)}: {field.Type.Name()}"))}}}\n")}
        """.TrimEnd('\n') + "\n";

    public static string Of(FeatureServiceDefinition service) =>
        $"""
        - name: {service.Name}
          version: {service.Version}
          features:
        {string.Concat(service.Features.Select(feature => $"    - {Quoted(feature)}\n"))}
        """.TrimEnd('\n') + "\n";

    /// <summary>An aggregate without what does not matter: spaces, empty parentheses, spellings of a number or a duration. What is no aggregate stays as it is.</summary>
    internal static string Aggregate(string text)
    {
        if (AggregateCall.Parse(text, out _, out _) is not { } call)
        {
            return text;
        }

        string[] arguments = call.Kind switch
        {
            AggregateKind.Ewma => [new Duration((long)call.Argument).ToString()],
            AggregateKind.Histogram => [.. call.Bounds!.Values.Select(bound => bound.ToString(CultureInfo.InvariantCulture))],
            AggregateKind.FirstN or AggregateKind.LastN or AggregateKind.TopK or AggregateKind.Percentile or AggregateKind.PercentileDisc => [call.Argument.ToString(CultureInfo.InvariantCulture)],
            AggregateKind.MaxBy or AggregateKind.MinBy => [call.OrderBy!],
            AggregateKind.MaxNBy or AggregateKind.MinNBy => [call.OrderBy!, call.Argument.ToString(CultureInfo.InvariantCulture)],
            _ => [],
        };
        return call.Field is null ? call.Name : $"{call.Name}({string.Join(", ", arguments.Prepend(call.Field))})";
    }

    /// <summary>A default as YAML writes it: 0 and 0.0 are the same number, "0" is a text.</summary>
    internal static string Default(Value value) => value.Type == FieldType.String ? Quoted(value.Text) : value.ToString();

    private static string Of(FeatureDefinition feature)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"    - name: {Scalar(feature.Name)}\n      aggregate: {Scalar(Aggregate(feature.Aggregate))}\n      window: {Of(feature.Window)}\n");
        text.Append(feature.Delay == Duration.Zero ? "" : $"      delay: {feature.Delay}\n");
        text.Append(Line("      where", feature.Where));
        text.Append(feature.By is null ? "" : $"      by: {Scalar(feature.By)}\n");
        text.Append(feature.Accuracy is { } accuracy ? $"      accuracy: {{exact_for: {accuracy.ExactFor}, hop: {accuracy.Hop}}}\n" : "");
        text.Append(feature.Default.IsNull ? "" : $"      default: {Default(feature.Default)}\n");
        return text.ToString();
    }

    private static string Of(WindowDefinition window) => window.Kind switch
    {
        WindowKind.Tumbling => $"{{tumbling: {window.Length}{(window.TimeZone == "UTC" ? "" : $", time_zone: {Quoted(window.TimeZone)}")}}}",
        WindowKind.Session => $"{{session: {window.Gap}, max: {window.Width}}}",
        WindowKind.Count => $"{{last: {window.Events}}}",
        _ => window.ToString(),
    };

    private static string Line(string key, string? expression) => expression is null ? "" : $"{key}: {Quoted(expression.Trim())}\n";

    /// <summary>A name as it is, anything that YAML could take for something else in quotes.</summary>
    private static string Scalar(string text)
    {
        bool isWord = text.Length > 0 && char.IsAsciiLetter(text[0]) && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '(' or ')');
        return isWord && YamlJson.Resolve(new YamlScalar(default, text, IsPlain: true)) is string ? text : Quoted(text);
    }

    private static string Quoted(string text)
    {
        var quoted = new StringBuilder("\"");
        foreach (char c in text)
        {
            bool escaped = char.IsControl(c) || c is '\u2028' or '\u2029' or '\uFEFF';
            quoted.Append(c switch
            {
                '"' => "\\\"",
                '\\' => "\\\\",
                _ => escaped ? $"\\u{(int)c:X4}" : c.ToString(),
            });
        }

        return quoted.Append('"').ToString();
    }
}
