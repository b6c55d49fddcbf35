namespace Grpc.Core;

/// <summary>Options of one client call. A copy is changed by the With methods.</summary>
/// <param name="headers">Request metadata; null means none. Owned by the caller, read before the call returns.</param>
/// <param name="deadline">UTC instant after which the call fails with DEADLINE_EXCEEDED, on both sides; null means none.</param>
/// <param name="cancellationToken">Cancels the call; the server sees it as a cancelled context.</param>
/// <param name="writeOptions">For the request messages, until the stream's own are set.</param>
public readonly struct CallOptions(
    Metadata? headers = null,
    DateTime? deadline = null,
    CancellationToken cancellationToken = default,
    WriteOptions? writeOptions = null)
{
    public Metadata? Headers { get; private init; } = headers;

    public DateTime? Deadline { get; private init; } = deadline;

    public CancellationToken CancellationToken { get; private init; } = cancellationToken;

    public WriteOptions? WriteOptions { get; private init; } = writeOptions;

    public CallOptions WithHeaders(Metadata headers) => this with { Headers = headers };

    public CallOptions WithDeadline(DateTime deadline) => this with { Deadline = deadline };

    public CallOptions WithCancellationToken(CancellationToken cancellationToken) => this with { CancellationToken = cancellationToken };

    public CallOptions WithWriteOptions(WriteOptions writeOptions) => this with { WriteOptions = writeOptions };
}
