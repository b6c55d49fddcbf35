namespace Grpc;

/// <summary>Every bound of the transport, with its arithmetic. What an application may change is in GrpcServiceOptions and GrpcChannelOptions.</summary>
internal static class Limits
{
    /// <summary>Default for one received message, after inflation: 4 MiB, gRPC's own default on every platform.</summary>
    public const int ReceiveMessageBytes = 4 * 1024 * 1024;

    /// <summary>The frame prefix: 1 byte flag, 4 bytes length.</summary>
    public const int PrefixBytes = 1 + 4;

    /// <summary>Messages within messages: as deep as Google.Protobuf goes.</summary>
    public const int MessageDepthMax = 100;

    /// <summary>A timeout has at most 8 digits (PROTOCOL-HTTP2, "TimeoutValue").</summary>
    public const int TimeoutDigits = 8;

    /// <summary>One arming of a timer: a runtime timer takes at most 2^32 - 2 ms = 49.7 days. Longer deadlines arm it again.</summary>
    public static readonly TimeSpan TimerStep = TimeSpan.FromDays(49);

    /// <summary>Messages written with BufferHint wait until this many bytes wait with them: 64 KiB, four HTTP/2 frames.</summary>
    public const int BufferedStreamBytes = 64 * 1024;

    /// <summary>What a streaming call is given to finish by itself once the server stops; half the host's shutdown time if that is less.</summary>
    public static readonly TimeSpan DrainGrace = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How long a message of a response may wait for a client that does not read. What waits with it (the call's answer, 4 MB of requests) is held as long, so a client that has forgotten its
    /// stream must not hold it for ever; one that trains a model on every batch of rows takes the next one in far less.
    /// </summary>
    public static readonly TimeSpan ResponseStallMax = TimeSpan.FromMinutes(5);

    /// <summary>The client reads responses in pieces of one HTTP/2 frame (16 KiB); a message that is larger takes more pieces.</summary>
    public const int ClientReadBytes = 16 * 1024;

    /// <summary>How long a write that found its stream broken waits for the server's status, which usually is why it broke: a round trip, generously.</summary>
    public static readonly TimeSpan EndAfterBrokenWrite = TimeSpan.FromMilliseconds(500);

    /// <summary>A grpc-message longer than this is cut: 4 KiB of text, at most 12 KiB percent-encoded, fits the 16 KiB of headers that peers accept.</summary>
    public const int StatusDetailBytes = 4 * 1024;

    /// <summary>A server that does not take a connection for so long is unavailable. 20 s, as in gRPC clients elsewhere.</summary>
    public static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(20);

    /// <summary>First guess for an inflated message; doubles as needed up to the receive limit.</summary>
    public const int InflateStartBytes = 16 * 1024;
}
