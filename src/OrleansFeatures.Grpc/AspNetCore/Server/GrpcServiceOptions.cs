using System.IO.Compression;
using Grpc.Net.Compression;

namespace Grpc.AspNetCore.Server;

/// <summary>How services are served. Set for all of them by AddGrpc, for one by AddServiceOptions, which wins where it sets a value.</summary>
public class GrpcServiceOptions
{
    private int? _maxReceiveMessageSize;
    private List<ICompressionProvider>? _compressionProviders;

    /// <summary>Largest message a handler may send, in bytes before compression. Default null: no limit.</summary>
    public int? MaxSendMessageSize { get; set; }

    /// <summary>Largest message accepted, in bytes after inflation. Default 4 MiB; null: no limit.</summary>
    public int? MaxReceiveMessageSize
    {
        get => MaxReceiveMessageSizeSpecified ? _maxReceiveMessageSize : Limits.ReceiveMessageBytes;
        set
        {
            _maxReceiveMessageSize = value;
            MaxReceiveMessageSizeSpecified = true;
        }
    }

    /// <summary>Whether the text of an unhandled handler exception is sent to the client. Default false: it is only logged.</summary>
    public bool? EnableDetailedErrors { get; set; }

    /// <summary>The encoding of responses, for clients that accept it. Default null: responses are not compressed.</summary>
    public string? ResponseCompressionAlgorithm { get; set; }

    /// <summary>How hard responses are compressed. Default null: as the provider was made.</summary>
    public CompressionLevel? ResponseCompressionLevel { get; set; }

    /// <summary>The encodings understood. Empty, the default: gzip and deflate.</summary>
    public IList<ICompressionProvider> CompressionProviders
    {
        get => _compressionProviders ??= [];
        set => _compressionProviders = [.. value];
    }

    /// <summary>Whether paths of unknown services are left to other endpoints instead of answered UNIMPLEMENTED. Default false.</summary>
    public bool? IgnoreUnknownServices { get; set; }

    /// <summary>In order, outermost first; those of all services stand outside those of one.</summary>
    public InterceptorCollection Interceptors { get; } = [];

    internal bool MaxReceiveMessageSizeSpecified { get; private set; }

    internal bool HasCompressionProviders => _compressionProviders is { Count: > 0 };
}

/// <summary>Options of one service.</summary>
public class GrpcServiceOptions<TService> : GrpcServiceOptions
    where TService : class;
