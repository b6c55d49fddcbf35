using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Gateway.Rest;

namespace OrleansFeatures.Gateway.Feast;

/// <summary>
/// Failures as Feast's HTTP clients read them: the body is a JSON string that itself holds JSON, with the Python class to raise and its message. The status and what our own problem details say are
/// members beside these, which Feast's clients pass over.
/// </summary>
internal static class FeastErrors
{
    /// <summary>The places by which a class is chosen.</summary>
    public const string NamesField = "feature_names";
    public const string ServiceField = "feature_service";
    public const string FeaturesField = "features";
    public const string PushSourceField = "push_source_name";
    public const string ContextField = "request_context";

    private const string ViewPlace = ".view";

    public static Task WriteAsync(HttpContext context, Failure failure)
    {
        if (failure.RetryAfterMs > 0)
        {
            // The header counts whole seconds; the exact hint is in the body.
            context.Response.Headers.RetryAfter = "1";
        }

        string detail = DetailOf(failure);
        return JsonAnswer.WriteAsync(context, failure.HttpStatus, "application/json", writer => writer.WriteStringValue(detail));
    }

    /// <summary>A refusal of what a selection names, in Feast's words where the view itself is unknown.</summary>
    public static RequestRefusedException Unknown(Catalog catalog, IEnumerable<string> references, RequestRefusal refusal)
    {
        var views = catalog.Definitions.FeatureViews.Select(view => view.Name).ToHashSet();
        int unknown = 0;
        foreach (string view in references.Select(ViewOf))
        {
            if (view.Length > 0 && !views.Contains(view))
            {
                return Refuse.Unknown($"{FeaturesField}[{unknown}]{ViewPlace}", $"Feature view {view} does not exist", NameSuggestion.DidYouMean(view, views));
            }

            unknown++;
        }

        return Refuse.Unknown(refusal.Field == "what.feature_service" ? ServiceField : FeaturesField, refusal.Reason, refusal.Fix);
    }

    private static string ViewOf(string reference)
    {
        int end = reference.IndexOfAny(['@', ':']);
        return end < 0 ? "" : reference[..end];
    }

    private static string DetailOf(in Failure failure)
    {
        var bytes = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(bytes, JsonAnswer.Options))
        {
            writer.WriteStartObject();
            writer.WriteString("module", "feast.errors");
            writer.WriteString("class", ClassOf(failure));
            writer.WriteString("message", failure.Message);
            writer.WriteNumber("status", failure.HttpStatus);
            writer.WriteString("code", Failures.NameOf(failure.Code));
            if (failure.RetryAfterMs > 0)
            {
                writer.WriteString("retry_after_ms", failure.RetryAfterMs.ToString(CultureInfo.InvariantCulture));
            }

            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(bytes.WrittenSpan);
    }

    private static string ClassOf(in Failure failure) => failure.Code switch
    {
        StatusCode.NotFound when failure.Field.EndsWith(ViewPlace, StringComparison.Ordinal) => "FeatureViewNotFoundException",
        StatusCode.NotFound when failure.Field == ServiceField => "FeatureServiceNotFoundException",
        StatusCode.NotFound when failure.Field == PushSourceField => "PushSourceNotFoundException",
        StatusCode.NotFound => "FeastObjectNotFoundException",
        StatusCode.InvalidArgument when failure.Field == NamesField => "FeatureNameCollisionError",
        StatusCode.InvalidArgument when failure.Field == ContextField => "RequestDataNotFoundInEntityRowsException",
        _ => "FeastError",
    };
}
