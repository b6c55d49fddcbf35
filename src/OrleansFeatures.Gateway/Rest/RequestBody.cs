using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using System.Text.Unicode;
using Microsoft.AspNetCore.Http;

namespace OrleansFeatures.Gateway.Rest;

/// <summary>Bodies of requests, whole. The server's own limit on bodies bounds them.</summary>
internal static class RequestBody
{
    /// <summary>Deeper JSON than this is nobody's event; each level costs the parser some bytes.</summary>
    private const int DepthMax = 16;

    /// <summary>A property given twice is refused, because nobody can say which of the two was meant.</summary>
    private static readonly JsonDocumentOptions Json = new() { AllowDuplicateProperties = false, MaxDepth = DepthMax };

    public static async ValueTask<byte[]> ReadAsync(HttpContext context)
    {
        PipeReader reader = context.Request.BodyReader;
        while (true)
        {
            ReadResult result = await reader.ReadAsync(context.RequestAborted).ConfigureAwait(false);
            if (result.IsCompleted)
            {
                byte[] bytes = result.Buffer.ToArray();
                reader.AdvanceTo(result.Buffer.End);
                return bytes;
            }

            reader.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        }
    }

    /// <exception cref="RequestRefusedException">The body is not one JSON object.</exception>
    public static async ValueTask<JsonElement> ReadObjectAsync(HttpContext context)
    {
        byte[] body = await ReadAsync(context).ConfigureAwait(false);
        if (Parse(body, out JsonElement element) is { } problem)
        {
            throw Refuse.Argument("body", $"it is not JSON: {problem}", "send one JSON object");
        }

        return element.ValueKind == JsonValueKind.Object
            ? element
            : throw Refuse.Argument("body", $"it is a JSON {element.ValueKind.ToString().ToLowerInvariant()}", "send one JSON object");
    }

    /// <summary>
    /// Null, or what is wrong with the text. The parser itself looks at neither UTF-8 nor surrogates and would fail later, at the first use of a text;
    /// whatever passes here can be used.
    /// </summary>
    public static string? Parse(ReadOnlyMemory<byte> text, out JsonElement element)
    {
        element = default;
        if (!Utf8.IsValid(text.Span))
        {
            return "it is not UTF-8";
        }

        try
        {
            using var document = JsonDocument.Parse(text, Json);
            if (text.Span.IndexOf("\\u"u8) >= 0)
            {
                RequireWholeTexts(document.RootElement);
            }

            element = document.RootElement.Clone();
            return null;
        }
        catch (JsonException broken)
        {
            return broken.Message.TrimEnd('.');
        }
        catch (InvalidOperationException)
        {
            return "a text holds half of a surrogate pair";
        }
    }

    /// <exception cref="InvalidOperationException">A text or name holds a surrogate without its other half.</exception>
    private static void RequireWholeTexts(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.String:
                _ = element.GetString();
                break;
            case JsonValueKind.Array:
                foreach (JsonElement inner in element.EnumerateArray())
                {
                    RequireWholeTexts(inner);
                }

                break;
            case JsonValueKind.Object:
                foreach (JsonProperty property in element.EnumerateObject())
                {
                    _ = property.Name;
                    RequireWholeTexts(property.Value);
                }

                break;
        }
    }
}
