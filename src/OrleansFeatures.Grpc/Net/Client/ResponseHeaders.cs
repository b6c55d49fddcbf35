using System.Net;
using System.Net.Http.Headers;
using Grpc.Core;
using Grpc.Headers;
using Grpc.Net.Compression;
using Grpc.Framing;

namespace Grpc.Net.Client;

/// <summary>What comes in: headers, and the status in the trailers, or in the headers of an answer that has no body (trailers-only).</summary>
internal static class ResponseHeaders
{
    /// <summary>Headers as the caller sees them.</summary>
    public static Metadata Read(HttpResponseMessage response) => ToMetadata(response.Headers);

    /// <summary>Whether this is a gRPC answer at all. Returns the encoding that its messages may use.</summary>
    /// <exception cref="RpcException">It is not; the status is what gRPC assigns to that HTTP answer.</exception>
    public static ICompressionProvider? Check(HttpResponseMessage response, Encodings encodings)
    {
        if (response.StatusCode != HttpStatusCode.OK)
        {
            // A proxy, or a server that refused before gRPC began. It may still have said a gRPC status.
            var (said, trailers) = StatusFrom(response.Headers);
            throw said is not null
                ? new RpcException(said.Value, trailers)
                : new RpcException(new Status(StatusHeaders.FromHttpStatus((int)response.StatusCode), $"The server answered HTTP {(int)response.StatusCode}, not gRPC."));
        }

        // Trailers-only: an error that came before any message. It ends the call at once, whoever is still writing.
        if (StatusFrom(response.Headers) is ({ } status, var errorTrailers) && status.StatusCode != StatusCode.OK)
        {
            throw new RpcException(status, errorTrailers);
        }

        string? contentType = response.Content.Headers.ContentType?.ToString();
        if (!HeaderNames.IsGrpcContentType(contentType))
        {
            throw new RpcException(new Status(StatusCode.Unknown, $"The server answered with content type '{contentType}', not {HeaderNames.ContentType}."));
        }

        string? encoding = Single(response.Headers, HeaderNames.Encoding);
        return encoding is null or HeaderNames.Identity
            ? null
            : encodings.Find(encoding) ?? throw new RpcException(new Status(StatusCode.Internal, $"The server compresses with '{encoding}', which this channel did not offer ({encodings.AcceptHeader})."));
    }

    /// <summary>The status of an answer whose body has been read to its end.</summary>
    public static (Status Status, Metadata Trailers) StatusFromTrailers(HttpResponseMessage response)
    {
        var (status, trailers) = StatusFrom(response.TrailingHeaders);
        if (status is null)
        {
            (status, trailers) = StatusFrom(response.Headers);
        }

        return (status ?? new Status(StatusCode.Unknown, "The server's answer ended without a grpc-status."), trailers);
    }

    private static (Status? Status, Metadata Trailers) StatusFrom(HttpResponseHeaders headers)
    {
        string? code = Single(headers, HeaderNames.Status);
        return code is null ? (null, []) : (StatusHeaders.Parse(code, Single(headers, HeaderNames.Message)), ToMetadata(headers));
    }

    private static string? Single(HttpResponseHeaders headers, string name) =>
        headers.NonValidated.TryGetValues(name, out HeaderStringValues values) ? values.ToString() : null;

    /// <summary>Entries in the order they came. A "-bin" value that is not base64 is passed over: a bad trailer must not hide the status.</summary>
    private static Metadata ToMetadata(HttpResponseHeaders headers)
    {
        var metadata = new Metadata();
        foreach (var (name, values) in headers.NonValidated)
        {
            string key = name.ToLowerInvariant();
            if (key is HeaderNames.Status or HeaderNames.Message or HeaderNames.Encoding or HeaderNames.AcceptEncoding)
            {
                continue;
            }

            foreach (string value in values)
            {
                if (!key.EndsWith(Metadata.BinaryHeaderSuffix, StringComparison.Ordinal))
                {
                    metadata.Add(new Metadata.Entry(key, value, null));
                }
                else
                {
                    BinaryValues.TryAdd(metadata, key, value);
                }
            }
        }

        return metadata;
    }
}
