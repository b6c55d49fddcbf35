using Grpc.Net.Compression;

namespace Grpc.Net.Client;

/// <summary>How a channel connects and what it accepts.</summary>
public sealed class GrpcChannelOptions
{
    /// <summary>Largest message that may be sent, in bytes before compression. Default null: no limit.</summary>
    public int? MaxSendMessageSize { get; set; }

    /// <summary>Largest message accepted, in bytes after inflation. Default 4 MiB; null: no limit.</summary>
    public int? MaxReceiveMessageSize { get; set; } = Limits.ReceiveMessageBytes;

    /// <summary>The encodings understood. Null or empty, the default: gzip and deflate.</summary>
    public IList<ICompressionProvider>? CompressionProviders { get; set; }

    /// <summary>
    /// What carries the calls. Default null: the channel makes a SocketsHttpHandler that opens further connections when one has no free
    /// stream. Excludes <see cref="HttpClient"/>.
    /// </summary>
    public HttpMessageHandler? HttpHandler { get; set; }

    /// <summary>As <see cref="HttpHandler"/>; its timeout must be infinite, since it would cut streams off.</summary>
    public HttpClient? HttpClient { get; set; }

    /// <summary>Whether disposing the channel disposes the handler or client given here. Default false. One made by the channel always goes with it.</summary>
    public bool DisposeHttpClient { get; set; }
}
