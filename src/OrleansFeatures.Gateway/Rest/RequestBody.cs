using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace OrleansFeatures.Gateway.Rest;

/// <summary>Bodies of requests, whole. The server's own limit on bodies bounds them.</summary>
internal static class RequestBody
{
    /// <summary>Deeper JSON than this is nobody's event; each level costs the parser some bytes.</summary>
    private const int DepthMax = 16;

    /// <summary>A property given twice is refused, because nobody can say which of the two was meant.</summary>
    public static readonly JsonDocumentOptions Json = new() { AllowDuplicateProperties = false, MaxDepth = DepthMax };

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
    public static async ValueTask<JsonDocument> ReadObjectAsync(HttpContext context)
    {
        byte[] body = await ReadAsync(context).ConfigureAwait(false);
        try
        {
            var document = JsonDocument.Parse(body, Json);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? document
                : throw Refuse.Argument("body", $"it is a JSON {document.RootElement.ValueKind.ToString().ToLowerInvariant()}", "send one JSON object");
        }
        catch (JsonException broken)
        {
            throw Refuse.Argument("body", $"it is not JSON ({broken.Message.TrimEnd('.')})", "send one JSON object");
        }
    }
}
