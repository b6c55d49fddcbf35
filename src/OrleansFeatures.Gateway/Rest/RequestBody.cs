using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using OrleansFeatures.Gateway.Ingest;

namespace OrleansFeatures.Gateway.Rest;

/// <summary>Bodies of requests, whole. The server's own limit on bodies bounds them.</summary>
internal static class RequestBody
{
    /// <exception cref="RequestRefusedException">It is declared to be something that is not read here.</exception>
    public static async ValueTask<byte[]> ReadAsync(HttpContext context)
    {
        MediaTypes.RequireReadable(context.Request);
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
        if (JsonText.Parse(body, out JsonElement element) is { } problem)
        {
            throw Refuse.Argument("body", $"it is not JSON: {problem}", "send one JSON object");
        }

        return element.ValueKind == JsonValueKind.Object
            ? element
            : throw Refuse.Argument("body", $"it is a JSON {element.ValueKind.ToString().ToLowerInvariant()}", "send one JSON object");
    }
}
