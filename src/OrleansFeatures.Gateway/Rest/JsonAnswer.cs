using System.Buffers;
using System.IO.Compression;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace OrleansFeatures.Gateway.Rest;

/// <summary>Sends JSON, written whole before the first byte leaves, so that a failure half-way still becomes a proper error, and that its size is known when it is decided whether to compress.</summary>
internal static class JsonAnswer
{
    public static readonly JsonWriterOptions Options = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static Task WriteAsync(HttpContext context, int status, string mediaType, Action<Utf8JsonWriter> write)
    {
        var bytes = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(bytes, Options))
        {
            write(writer);
        }

        return SendAsync(context, status, mediaType, bytes.WrittenMemory);
    }

    /// <summary>One object per line.</summary>
    public static Task WriteLinesAsync(HttpContext context, int lines, Action<Utf8JsonWriter, int> write)
    {
        var bytes = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(bytes, Options))
        {
            for (int line = 0; line < lines; line++)
            {
                write(writer, line);
                writer.Flush();
                bytes.Write("\n"u8);
                writer.Reset();
            }
        }

        return SendAsync(context, StatusCodes.Status200OK, MediaTypes.Lines, bytes.WrittenMemory);
    }

    public static async Task SendAsync(HttpContext context, int status, string mediaType, ReadOnlyMemory<byte> body)
    {
        HttpResponse response = context.Response;
        response.StatusCode = status;
        response.ContentType = mediaType;
        response.Headers.XContentTypeOptions = "nosniff";
        if (body.Length >= Limits.CompressedAnswerBytesMin)
        {
            response.Headers.Append(HeaderNames.Vary, HeaderNames.AcceptEncoding);
            if (AcceptsGzip(context.Request))
            {
                body = Compress(body);
                response.Headers.ContentEncoding = "gzip";
            }
        }

        response.ContentLength = body.Length;
        await response.Body.WriteAsync(body, context.RequestAborted).ConfigureAwait(false);
    }

    private static bool AcceptsGzip(HttpRequest request)
    {
        IList<StringWithQualityHeaderValue> accepted = request.GetTypedHeaders().AcceptEncoding;
        StringWithQualityHeaderValue? named = accepted.FirstOrDefault(encoding => encoding.Value.Equals("gzip", StringComparison.OrdinalIgnoreCase)) ?? accepted.FirstOrDefault(encoding => encoding.Value == "*");
        return named is not null && named.Quality is not 0;
    }

    private static ReadOnlyMemory<byte> Compress(ReadOnlyMemory<byte> body)
    {
        var compressed = new MemoryStream(body.Length / 4);
        using (var gzip = new GZipStream(compressed, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(body.Span);
        }

        return compressed.GetBuffer().AsMemory(0, (int)compressed.Length);
    }
}
