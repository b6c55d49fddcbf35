using Grpc.Core;
using Grpc.Headers;

namespace Grpc.Net.Client;

/// <summary>
/// What a client call is apart from its message types: how it ends. The first of these decides its status: the server's trailers, the
/// deadline, the caller's token, disposal, a failure of the connection. <see cref="Finish"/> is where they meet.
/// </summary>
internal abstract class ClientCall
{
    public static readonly Func<object, Task<Metadata>> Headers = static call => ((ClientCall)call).HeadersAsync();
    public static readonly Func<object, Status> Status = static call => ((ClientCall)call).FinalStatus;
    public static readonly Func<object, Metadata> Trailers = static call => ((ClientCall)call).FinalTrailers;
    public static readonly Action<object> Abandon = static call => ((ClientCall)call).Cancel(Disposed);

    private static readonly Status Disposed = new(StatusCode.Cancelled, "The call was disposed.");
    private static readonly Status CancelledByToken = new(StatusCode.Cancelled, "The call was cancelled by its token.");
    private static readonly Status ChannelDisposed = new(StatusCode.Cancelled, "The channel was disposed.");
    private static readonly Status DeadlineExceeded = new(StatusCode.DeadlineExceeded, "The deadline passed before the server's status arrived.");

    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _cancellation = new();
    private readonly CancellationTokenRegistration _byToken;
    private readonly CancellationTokenRegistration _byChannel;
    private readonly DeadlineTimer? _deadlineTimer;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Status? _status;
    private Metadata? _trailers;
    private Metadata? _headers;
    private TaskCompletionSource<Metadata>? _headersWanted;
    private HttpResponseMessage? _response;

    protected ClientCall(GrpcChannel channel, CallOptions options)
    {
        Deadline = options.Deadline is { } deadline && deadline < DateTime.MaxValue ? deadline.ToUniversalTime() : null;
        _byChannel = channel.Disposed.UnsafeRegister(static call => ((ClientCall)call!).Cancel(ChannelDisposed), this);
        _byToken = options.CancellationToken.UnsafeRegister(static call => ((ClientCall)call!).Cancel(CancelledByToken), this);
        if (Deadline <= DateTime.UtcNow)
        {
            Cancel(DeadlineExceeded);
        }
        else if (Deadline is not null)
        {
            _deadlineTimer = new DeadlineTimer(TimeProvider.System, Deadline.Value, static call => ((ClientCall)call).Cancel(DeadlineExceeded), this);
        }
    }

    public DateTime? Deadline { get; }

    /// <summary>Fires when the call must stop, whatever the reason.</summary>
    public CancellationToken Token => _cancellation.Token;

    /// <summary>Null while the call runs.</summary>
    public Status? StatusIfFinished
    {
        get
        {
            lock (_gate)
            {
                return _status;
            }
        }
    }

    private Status FinalStatus => StatusIfFinished ?? throw StillRunning("status");

    private Metadata FinalTrailers => StatusIfFinished is null ? throw StillRunning("trailers") : _trailers!;

    /// <summary>The exception for a finished call that did not end with OK.</summary>
    public RpcException Failure() => new(FinalStatus, FinalTrailers);

    /// <summary>Completes when the call has ended, or after the patience.</summary>
    public Task EndedAsync(TimeSpan patience) => _ended.Task.WaitAsync(patience).ContinueWith(static _ => { }, TaskScheduler.Default);

    /// <summary>
    /// Ends the call for a local reason, whether or not anyone reads or writes just then. The stream is reset, so the server learns of it; what
    /// the connection reports of that comes too late to count.
    /// </summary>
    public void Cancel(Status reason) => Finish(reason, []);

    /// <summary>Fixes status and trailers, and lets everything go that the call held; only the first call counts.</summary>
    public void Finish(Status status, Metadata trailers)
    {
        HttpResponseMessage? response;
        lock (_gate)
        {
            if (_status is not null)
            {
                return;
            }

            _status = status;
            _trailers = trailers;
            response = _response;
            _headersWanted?.TrySetException(new RpcException(status, trailers));
        }

        _deadlineTimer?.Dispose();
        _byToken.Unregister();
        _byChannel.Unregister();
        if (status.StatusCode != StatusCode.OK)
        {
            // The token stops waits that have no response yet; disposing the response, below, resets its stream.
            _cancellation.Cancel();
        }

        response?.Dispose();
        _ended.TrySetResult();
        OnFinished();
    }

    /// <summary>Ends the call with what an exception means, and returns the exception to throw.</summary>
    public RpcException Fail(Exception exception)
    {
        Finish(exception is RpcException rpc ? rpc.Status : HttpFailures.StatusOf(exception), (exception as RpcException)?.Trailers ?? []);
        return Failure();
    }

    /// <summary>Takes over the response once its headers are here.</summary>
    protected void Adopt(HttpResponseMessage response, Metadata headers)
    {
        bool tooLate;
        lock (_gate)
        {
            _response = response;
            _headers = headers;
            tooLate = _status is not null;
            _headersWanted?.TrySetResult(headers);
        }

        if (tooLate)
        {
            response.Dispose();
        }
    }

    /// <summary>Releases whoever still waits on the request side.</summary>
    protected abstract void OnFinished();

    // The completion source is made only for callers that ask for headers; a unary call that does not ask has none.
    private Task<Metadata> HeadersAsync()
    {
        lock (_gate)
        {
            if (_headers is not null)
            {
                return Task.FromResult(_headers);
            }

            if (_headersWanted is null)
            {
                _headersWanted = new TaskCompletionSource<Metadata>(TaskCreationOptions.RunContinuationsAsynchronously);
                if (_status is not null)
                {
                    _headersWanted.SetException(Failure());
                }
            }

            return _headersWanted.Task;
        }
    }

    private static InvalidOperationException StillRunning(string what) =>
        new($"The call is still running, so it has no {what} yet. Await its response, or read its stream to the end, first.");
}
