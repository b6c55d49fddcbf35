using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using Grpc.Core;
using Grpc.Framing;
using Grpc.Headers;
using Grpc.Net.Compression;

namespace Grpc.Server;

/// <summary>
/// One call on the server: what its handler sees, and how it ends. Four parties may want to end it: the handler by returning, the deadline
/// timer, the timer of a write that nobody takes, and the shutdown. The first under <c>_gate</c> wins; the others do nothing.
/// <code>
///   open ──handler returned or threw──> ended          status written by the handler's thread
///   open ──deadline, shutdown─────────> ended          status written at once; the handler may run on, unheard
///   open ──deadline while a write waits for the client──> ended by reset, since trailers cannot pass stuck data
///   open ──a write has waited ResponseStallMax──────────> the same
///   open ──shutdown while a write waits for the client──> ended when the write is done; Kestrel ends what stays stuck
/// </code>
/// The request delegate returns only after both the handler and an early end are done: until then the HttpContext is theirs.
/// </summary>
internal sealed partial class ServerCall : ServerCallContext
{
    private readonly MethodSettings _settings;
    private CancellationTokenSource? _cancellation;
    private CancellationTokenRegistration _clientGone;
    private CancellationTokenRegistration _graceOver;
    private DeadlineTimer? _deadlineTimer;
    private DateTime _deadline = DateTime.MaxValue;
    private Metadata? _requestHeaders;
    private Metadata? _responseTrailers;
    private Status _status = Status.DefaultSuccess;
    private WriteOptions? _writeOptions;
    private ICompressionProvider? _responseCompression;
    private MessageReader? _reader;
    private volatile bool _gone;

    public ServerCall(HttpContext http, MethodSettings settings)
    {
        Http = http;
        _settings = settings;
    }

    public HttpContext Http { get; }

    public MethodSettings Settings => _settings;

    /// <summary>Reads the request's messages; set by <see cref="Start"/>.</summary>
    public MessageReader Reader => _reader!;

    protected override string MethodCore => _settings.Method;

    protected override string HostCore => Http.Request.Host.Value ?? "";

    protected override string PeerCore => Http.Connection.RemoteIpAddress is { } address
        ? PeerText(address, Http.Connection.RemotePort)
        : "unknown";

    protected override DateTime DeadlineCore => _deadline;

    protected override Metadata RequestHeadersCore => _requestHeaders ??= ServerMetadata.Read(Http.Request.Headers);

    protected override CancellationToken CancellationTokenCore => _cancellation?.Token ?? Http.RequestAborted;

    protected override Metadata ResponseTrailersCore => _responseTrailers ??= [];

    protected override Status StatusCore
    {
        get => _status;
        set => _status = value;
    }

    protected override WriteOptions? WriteOptionsCore
    {
        get => _writeOptions;
        set => _writeOptions = value;
    }

    protected override AuthContext AuthContextCore => AuthContext.Unauthenticated;

    /// <summary>
    /// Reads the call's headers and starts its timers. <paramref name="streaming"/>: the call may last, so it must not hold up a shutdown and
    /// no minimum data rate applies to it.
    /// </summary>
    /// <exception cref="RpcException">The call must not start.</exception>
    public void Start(bool streaming)
    {
        var headers = Http.Request.Headers;
        StreamLimits.LiftBodySize(Http.Features);
        _reader = new MessageReader(Http.Request.BodyReader, new MessageReaderSettings(_settings.MaxReceiveBytes, RequestCompression(headers)));
        if (_settings.Drain.IsDraining)
        {
            throw new RpcException(CallDrain.ShuttingDown);
        }

        var timeout = headers.GrpcTimeout;
        if (timeout.Count > 0)
        {
            StartDeadline(timeout.ToString());
        }

        if (streaming)
        {
            StreamLimits.LiftRates(Http.Features);
            LinkCancellation();
            _graceOver = _settings.Drain.GraceOver.UnsafeRegister(static call => ((ServerCall)call!).EndEarly(CallDrain.ShuttingDown, stuckWriteEnds: false), this);
        }
    }

    /// <summary>The request of a call that has one, after which nothing follows.</summary>
    public async Task<T> ReadOnlyAsync<T>(Func<DeserializationContext, T> deserializer)
        where T : class
    {
        try
        {
            return await _reader!.ReadOnlyAsync(deserializer, CancellationToken.None).ConfigureAwait(false);
        }
        catch (IOException lost)
        {
            throw Gone(lost);
        }
    }

    /// <summary>
    /// What a handler sees when the stream broke below it: the same as when the token tells it first, since which of the two comes first is chance.
    /// </summary>
    public OperationCanceledException Gone(Exception? lost)
    {
        _gone = true;
        if (_cancellation is not null)
        {
            StopHandler();
        }

        return new OperationCanceledException("The call has ended: the client is gone, or the deadline or the shutdown came.", lost, CancellationToken);
    }

    protected override ContextPropagationToken CreatePropagationTokenCore(ContextPropagationOptions? options) =>
        throw new NotSupportedException("Propagation tokens are not supported. Pass context.Deadline and context.CancellationToken in the CallOptions of the outgoing call.");

    private static string PeerText(IPAddress address, int port) => address.AddressFamily == AddressFamily.InterNetworkV6 && !address.IsIPv4MappedToIPv6
        ? $"ipv6:[{address}]:{port}"
        : $"ipv4:{(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address)}:{port}";

    private ICompressionProvider? RequestCompression(IHeaderDictionary headers)
    {
        var encoding = headers.GrpcEncoding;
        if (encoding.Count == 0 || encoding.ToString() is HeaderNames.Identity)
        {
            return null;
        }

        var known = _settings.Encodings.Find(encoding.ToString());
        if (known is null)
        {
            Http.Response.Headers[HeaderNames.AcceptEncoding] = _settings.Encodings.AcceptHeader;
            throw new RpcException(new Status(
                StatusCode.Unimplemented,
                $"grpc-encoding '{encoding}' is not supported here; use one of {_settings.Encodings.AcceptHeader}."));
        }

        return known;
    }

    private void StartDeadline(string text)
    {
        if (!Timeouts.TryParse(text, out var timeout))
        {
            throw new RpcException(new Status(StatusCode.Internal, $"grpc-timeout '{text}' is not one to eight digits and a unit of H M S m u n."));
        }

        var now = _settings.Time.GetUtcNow().UtcDateTime;
        _deadline = Timeouts.DeadlineAfter(now, timeout);
        if (_deadline <= now)
        {
            throw new RpcException(DeadlineExceeded);
        }

        if (_deadline < DateTime.MaxValue)
        {
            LinkCancellation();
            _deadlineTimer = new DeadlineTimer(_settings.Time, _deadline, static call => ((ServerCall)call).EndEarly(DeadlineExceeded, stuckWriteEnds: true), this);
        }
    }

    // A unary call without a deadline can only be cancelled by its client, and HTTP's own token says that without an allocation.
    private void LinkCancellation()
    {
        if (_cancellation is null)
        {
            _cancellation = new CancellationTokenSource();
            _clientGone = Http.RequestAborted.UnsafeRegister(static call => ((ServerCall)call!).StopHandler(), this);
        }
    }

    private void StopTimers()
    {
        _deadlineTimer?.Dispose();
        _graceOver.Unregister();
        _clientGone.Unregister();
    }
}
