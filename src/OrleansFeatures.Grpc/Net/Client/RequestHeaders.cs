using System.Net;
using System.Net.Http.Headers;
using Grpc.Core;
using Grpc.Framing;
using Grpc.Headers;

namespace Grpc.Net.Client;

/// <summary>What goes out at the start of a call.</summary>
internal static class RequestHeaders
{
    private static readonly MediaTypeHeaderValue ContentType = new(HeaderNames.ContentType);
    private static readonly string UserAgent = $"grpc-dotnet-orleansfeatures/{typeof(RequestHeaders).Assembly.GetName().Version?.ToString(3)}";

    /// <summary>How the call's messages are framed: compressed when the metadata asks for an encoding that the channel knows.</summary>
    public static FrameSettings FramesFor(GrpcChannel channel, CallOptions options)
    {
        string? asked = options.Headers?.GetValue(HeaderNames.EncodingRequest);
        if (asked is null || asked == HeaderNames.Identity)
        {
            return new FrameSettings(channel.MaxSendBytes, null, null);
        }

        return new FrameSettings(
            channel.MaxSendBytes,
            channel.Encodings.Find(asked) ?? throw new InvalidOperationException($"The channel has no compression provider '{asked}'; it has {channel.Encodings.AcceptHeader}."),
            null);
    }

    public static HttpRequestMessage Create(
        GrpcChannel channel, string path, string? host, Metadata? metadata, DateTime? deadline, FrameSettings frames, HttpContent content)
    {
        var message = new HttpRequestMessage(HttpMethod.Post, channel.UriOf(path))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = content,
        };
        content.Headers.ContentType = ContentType;
        message.Headers.Host = host;
        HttpRequestHeaders headers = message.Headers;
        headers.TryAddWithoutValidation("te", "trailers");
        headers.TryAddWithoutValidation("user-agent", UserAgent);
        headers.TryAddWithoutValidation(HeaderNames.AcceptEncoding, channel.Encodings.AcceptHeader);
        if (frames.Compression is not null)
        {
            headers.TryAddWithoutValidation(HeaderNames.Encoding, frames.Compression.EncodingName);
        }

        if (deadline is { } instant)
        {
            headers.TryAddWithoutValidation(HeaderNames.Timeout, Timeouts.Format(instant - DateTime.UtcNow));
        }

        foreach (Metadata.Entry entry in metadata ?? Metadata.Empty)
        {
            if (entry.Key != HeaderNames.EncodingRequest)
            {
                headers.TryAddWithoutValidation(entry.Key, entry.IsBinary ? BinaryValues.Encode(entry.ValueBytes) : entry.Value);
            }
        }

        return message;
    }
}
