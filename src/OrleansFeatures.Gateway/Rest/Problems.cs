using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;

namespace OrleansFeatures.Gateway.Rest;

/// <summary>Failures as RFC 9457 problem details.</summary>
internal static class Problems
{
    public static Task WriteAsync(HttpContext context, Failure failure)
    {
        if (failure.RetryAfterMs > 0)
        {
            // The header counts whole seconds; the exact hint is in the body.
            context.Response.Headers.RetryAfter = "1";
        }

        return JsonAnswer.WriteAsync(context, failure.HttpStatus, MediaTypes.Problem, writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("type", "about:blank");
            writer.WriteString("title", ReasonPhrases.GetReasonPhrase(failure.HttpStatus) is { Length: > 0 } phrase ? phrase : failure.Code.ToString());
            writer.WriteNumber("status", failure.HttpStatus);
            writer.WriteString("detail", failure.Message);
            writer.WriteString("code", Failures.NameOf(failure.Code));
            if (failure.Field.Length > 0)
            {
                writer.WriteString("field", failure.Field);
            }

            if (failure.RetryAfterMs > 0)
            {
                writer.WriteString("retry_after_ms", failure.RetryAfterMs.ToString(CultureInfo.InvariantCulture));
            }

            writer.WriteEndObject();
        });
    }
}
